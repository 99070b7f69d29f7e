using System.Collections.Immutable;
using System.Reflection.Metadata;

namespace Holdfast.Tests.Architecture;

/// <summary>Decodes a signature to the full names of all types in it, the outer one first; nested types are named Outer+Inner.</summary>
internal sealed class TypeNames(MetadataReader metadata) : ISignatureTypeProvider<ImmutableArray<string>, object?>
{
    public ImmutableArray<string> Of(EntityHandle handle) => handle.Kind switch
    {
        HandleKind.TypeDefinition => GetTypeFromDefinition(metadata, (TypeDefinitionHandle)handle, 0),
        HandleKind.TypeReference => GetTypeFromReference(metadata, (TypeReferenceHandle)handle, 0),
        _ => GetTypeFromSpecification(metadata, null, (TypeSpecificationHandle)handle, 0),
    };

    public string Outermost(TypeDefinitionHandle handle)
    {
        while (metadata.GetTypeDefinition(handle).GetDeclaringType() is { IsNil: false } outer) handle = outer;
        return GetTypeFromDefinition(metadata, handle, 0)[0];
    }

    public ImmutableArray<string> GetTypeFromDefinition(MetadataReader reader, TypeDefinitionHandle handle, byte rawTypeKind)
    {
        var type = reader.GetTypeDefinition(handle);
        var name = reader.GetString(type.Name);
        return type.GetDeclaringType() is { IsNil: false } outer
            ? [$"{GetTypeFromDefinition(reader, outer, 0)[0]}+{name}"]
            : [Full(reader.GetString(type.Namespace), name)];
    }

    public ImmutableArray<string> GetTypeFromReference(MetadataReader reader, TypeReferenceHandle handle, byte rawTypeKind)
    {
        var type = reader.GetTypeReference(handle);
        var name = reader.GetString(type.Name);
        return type.ResolutionScope.Kind == HandleKind.TypeReference
            ? [$"{GetTypeFromReference(reader, (TypeReferenceHandle)type.ResolutionScope, 0)[0]}+{name}"]
            : [Full(reader.GetString(type.Namespace), name)];
    }

    public ImmutableArray<string> GetTypeFromSpecification(MetadataReader reader, object? context, TypeSpecificationHandle handle, byte rawTypeKind) =>
        reader.GetTypeSpecification(handle).DecodeSignature(this, context);

    public ImmutableArray<string> GetFunctionPointerType(MethodSignature<ImmutableArray<string>> signature) =>
        [.. signature.ReturnType, .. signature.ParameterTypes.SelectMany(type => type)];

    public ImmutableArray<string> GetGenericInstantiation(ImmutableArray<string> genericType, ImmutableArray<ImmutableArray<string>> arguments) =>
        [.. genericType, .. arguments.SelectMany(type => type)];

    public ImmutableArray<string> GetModifiedType(ImmutableArray<string> modifier, ImmutableArray<string> unmodified, bool isRequired) => [.. unmodified, .. modifier];

    public ImmutableArray<string> GetArrayType(ImmutableArray<string> element, ArrayShape shape) => element;

    public ImmutableArray<string> GetByReferenceType(ImmutableArray<string> element) => element;

    public ImmutableArray<string> GetPinnedType(ImmutableArray<string> element) => element;

    public ImmutableArray<string> GetPointerType(ImmutableArray<string> element) => element;

    public ImmutableArray<string> GetSZArrayType(ImmutableArray<string> element) => element;

    public ImmutableArray<string> GetGenericMethodParameter(object? context, int index) => [];

    public ImmutableArray<string> GetGenericTypeParameter(object? context, int index) => [];

    public ImmutableArray<string> GetPrimitiveType(PrimitiveTypeCode code) => [$"System.{code}"];

    private static string Full(string space, string name) => space.Length == 0 ? name : $"{space}.{name}";
}
