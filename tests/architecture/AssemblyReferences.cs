using System.Collections.Immutable;
using System.Reflection.Emit;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;

namespace Holdfast.Tests.Architecture;

/// <summary>
/// One use of a type or member. <paramref name="From"/> is the outermost type of the code, so that closures and state machines count for whom they
/// were made; <paramref name="Target"/> is a full type name, followed by <c>::member</c> for a method or field.
/// </summary>
internal readonly record struct Reference(string From, string Target)
{
    /// <summary>The type used, without the member.</summary>
    public string TargetType => Target.Split("::")[0];
}

/// <summary>All that a compiled assembly refers to, by the type that refers: bases, interfaces, attributes, signatures, locals, every operand of IL.</summary>
internal sealed class AssemblyReferences
{
    private static readonly Dictionary<ushort, OpCode> OpCodesByValue = typeof(OpCodes).GetFields()
        .Select(field => (OpCode)field.GetValue(null)!).ToDictionary(code => (ushort)code.Value);

    private readonly MetadataReader _metadata;
    private readonly PEReader _image;
    private readonly TypeNames _names;
    private readonly HashSet<Reference> _references = [];

    private AssemblyReferences(PEReader image)
    {
        _image = image;
        _metadata = image.GetMetadataReader();
        _names = new TypeNames(_metadata);
    }

    public static IReadOnlyCollection<Reference> Of(string path)
    {
        using var image = new PEReader(File.OpenRead(path));
        var references = new AssemblyReferences(image);
        foreach (var handle in references._metadata.TypeDefinitions) references.AddType(handle);
        return references._references;
    }

    private void AddType(TypeDefinitionHandle handle)
    {
        var type = _metadata.GetTypeDefinition(handle);
        var from = _names.Outermost(handle);
        AddToken(from, type.BaseType);
        foreach (var row in type.GetInterfaceImplementations()) AddToken(from, _metadata.GetInterfaceImplementation(row).Interface);
        AddAttributes(from, type.GetCustomAttributes());
        foreach (var row in type.GetFields())
        {
            Add(from, _metadata.GetFieldDefinition(row).DecodeSignature(_names, null));
            AddAttributes(from, _metadata.GetFieldDefinition(row).GetCustomAttributes());
        }

        foreach (var row in type.GetMethods()) AddMethod(from, _metadata.GetMethodDefinition(row));
    }

    private void AddMethod(string from, MethodDefinition method)
    {
        AddSignature(from, method.DecodeSignature(_names, null));
        AddAttributes(from, method.GetCustomAttributes());
        if (method.RelativeVirtualAddress == 0) return;
        var body = _image.GetMethodBody(method.RelativeVirtualAddress);
        if (!body.LocalSignature.IsNil)
            foreach (var local in _metadata.GetStandaloneSignature(body.LocalSignature).DecodeLocalSignature(_names, null)) Add(from, local);
        foreach (var region in body.ExceptionRegions) AddToken(from, region.CatchType);
        AddInstructions(from, body.GetILReader());
    }

    private void AddInstructions(string from, BlobReader il)
    {
        while (il.RemainingBytes > 0)
        {
            ushort value = il.ReadByte();
            if (value == 0xFE) value = (ushort)(0xFE00 | il.ReadByte());
            switch (OpCodesByValue[value].OperandType)
            {
                case OperandType.InlineField or OperandType.InlineMethod or OperandType.InlineTok or OperandType.InlineType:
                    AddToken(from, MetadataTokens.EntityHandle(il.ReadInt32()));
                    break;
                case OperandType.InlineSwitch:
                    var targets = il.ReadInt32();
                    il.Offset += targets * 4;
                    break;
                case OperandType.InlineI8 or OperandType.InlineR:
                    il.Offset += 8;
                    break;
                case OperandType.InlineVar:
                    il.Offset += 2;
                    break;
                case OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar:
                    il.Offset += 1;
                    break;
                case OperandType.InlineNone:
                    break;
                default:
                    il.Offset += 4;
                    break;
            }
        }
    }

    private void AddAttributes(string from, CustomAttributeHandleCollection attributes)
    {
        foreach (var row in attributes) AddToken(from, _metadata.GetCustomAttribute(row).Constructor);
    }

    private void AddToken(string from, EntityHandle token)
    {
        if (token.IsNil) return;
        switch (token.Kind)
        {
            case HandleKind.TypeDefinition or HandleKind.TypeReference or HandleKind.TypeSpecification:
                Add(from, _names.Of(token));
                break;
            case HandleKind.MemberReference:
                var member = _metadata.GetMemberReference((MemberReferenceHandle)token);
                AddMember(from, member.Parent, member.Name);
                if (member.GetKind() == MemberReferenceKind.Method) AddSignature(from, member.DecodeMethodSignature(_names, null));
                else Add(from, member.DecodeFieldSignature(_names, null));
                break;
            case HandleKind.MethodDefinition:
                var method = _metadata.GetMethodDefinition((MethodDefinitionHandle)token);
                AddMember(from, method.GetDeclaringType(), method.Name);
                break;
            case HandleKind.FieldDefinition:
                var field = _metadata.GetFieldDefinition((FieldDefinitionHandle)token);
                AddMember(from, field.GetDeclaringType(), field.Name);
                break;
            case HandleKind.MethodSpecification:
                var specification = _metadata.GetMethodSpecification((MethodSpecificationHandle)token);
                AddToken(from, specification.Method);
                foreach (var argument in specification.DecodeSignature(_names, null)) Add(from, argument);
                break;
        }
    }

    private void AddMember(string from, EntityHandle parent, StringHandle name)
    {
        if (parent.Kind is HandleKind.MethodDefinition or HandleKind.ModuleReference) return;
        var types = _names.Of(parent);
        Add(from, types);
        if (types.Length > 0) _references.Add(new Reference(from, $"{types[0]}::{_metadata.GetString(name)}"));
    }

    private void AddSignature(string from, MethodSignature<ImmutableArray<string>> signature)
    {
        Add(from, signature.ReturnType);
        foreach (var parameter in signature.ParameterTypes) Add(from, parameter);
    }

    private void Add(string from, ImmutableArray<string> targets)
    {
        foreach (var target in targets) _references.Add(new Reference(from, target));
    }
}
