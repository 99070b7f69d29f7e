using System.Text.Json;
using System.Text.RegularExpressions;

namespace Holdfast.Tests.Bicep;

/// <summary>The resources that a deployment would make, and the rights it would give.</summary>
internal sealed partial class Deployment
{
    /// <summary>The samples, and what somebody gets who gives nothing but a name, a cluster and an address.</summary>
    public static Lazy<Deployment> Development { get; } = new(() => new(BicepCompiler.Snapshot("development.bicepparam")));

    /// <inheritdoc cref="Development"/>
    public static Lazy<Deployment> Production { get; } = new(() => new(BicepCompiler.Snapshot("production.bicepparam")));

    /// <inheritdoc cref="Development"/>
    public static Lazy<Deployment> Default { get; } = new(() => new(BicepCompiler.Snapshot("default.bicepparam", """
        using 'main.bicep'
        param name = 'plain'
        param clusters = [{ name: 'shop' }]
        param alertEmails = ['dba@example.com']
        """)));

    private readonly JsonElement[] _resources;

    public Deployment(string snapshot)
    {
        Text = snapshot;
        _resources = [.. JsonDocument.Parse(snapshot).RootElement.GetProperty("predictedResources").EnumerateArray()];
        Roles = Of("Microsoft.Authorization/roleDefinitions").Select(Role.Read).ToDictionary(role => role.Id, StringComparer.OrdinalIgnoreCase);
        Rights = [.. Of("Microsoft.Authorization/roleAssignments").Select(ReadRight)];
    }

    public string Text { get; }

    public IReadOnlyDictionary<string, Role> Roles { get; }

    public IReadOnlyList<Right> Rights { get; }

    /// <summary>The resources of a type; there is at least one, so that no test passes because it found nothing.</summary>
    public JsonElement[] Of(string type)
    {
        var found = _resources.Where(resource => resource.GetProperty("type").GetString() == type).ToArray();
        Assert.NotEmpty(found);
        return found;
    }

    /// <summary>The resources of a type, or none.</summary>
    public IEnumerable<JsonElement> AnyOf(string type) => _resources.Where(resource => resource.GetProperty("type").GetString() == type);

    /// <summary>All that a principal may do in one place.</summary>
    public string[] Allowed(string principal, string place) =>
        [.. Rights.Where(right => right.Principal == principal && right.Place == place).SelectMany(right => right.Actions).Distinct().Order(StringComparer.Ordinal)];

    // What is known only in Azure stays an expression; the ids of identities and places are literals in it.
    private Right ReadRight(JsonElement assignment)
    {
        var id = assignment.GetProperty("id").GetString()!;
        var properties = assignment.GetProperty("properties");
        var principal = properties.GetProperty("principalId").GetString()!;
        var place = Place().Match(id).Groups["place"].Value;
        Assert.True(place.Length > 0, $"no place in {id}");
        var role = properties.GetProperty("roleDefinitionId").GetString()!.Split('/')[^1];
        return new Right(
            Identity().Match(principal) is { Success: true } match ? match.Groups["name"].Value : principal, place.Split('/')[^1], place, role,
            Roles.TryGetValue(role, out var known) ? known.Actions : []);
    }

    [GeneratedRegex("""^(?:\[extensionResourceId\(')?(?<place>.+?)(?:'|/providers/Microsoft\.Authorization/roleAssignments/)""")]
    private static partial Regex Place();

    [GeneratedRegex("""/userAssignedIdentities/(?<name>[^']+)'""")]
    private static partial Regex Identity();

    /// <summary>A custom role, and all it allows.</summary>
    internal sealed record Role(string Id, string Title, string[] Actions)
    {
        public static Role Read(JsonElement definition)
        {
            var properties = definition.GetProperty("properties");
            var permission = Assert.Single(properties.GetProperty("permissions").EnumerateArray());
            string[] Strings(string name) => [.. permission.GetProperty(name).EnumerateArray().Select(action => action.GetString()!)];
            return new Role(definition.GetProperty("name").GetString()!, properties.GetProperty("roleName").GetString()!, [.. Strings("actions"), .. Strings("dataActions")]);
        }
    }

    /// <summary>A role of a principal in a place.</summary>
    /// <param name="Principal">The identity's name, else the object id.</param>
    /// <param name="Place">The last part of the scope: a container, a queue, a key, an account.</param>
    /// <param name="Scope">The whole of it.</param>
    /// <param name="RoleId">Of the role's definition.</param>
    /// <param name="Actions">What it allows; nothing for a role of Azure's own.</param>
    internal sealed record Right(string Principal, string Place, string Scope, string RoleId, string[] Actions);
}
