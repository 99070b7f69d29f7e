namespace Holdfast.Agent.Check;

/// <summary>What the role that checks may do, as far as a backup needs it.</summary>
/// <param name="Role">Its name.</param>
/// <param name="Database">The database that it is connected to: rights to functions are each database's own.</param>
/// <param name="MissingFunctions">Functions that begin and end a backup and that it may not call, with their arguments.</param>
/// <param name="ClosedDatabases">Databases that it may not connect to.</param>
internal sealed record RoleRights(
    string Role, string Database, IReadOnlyList<string> MissingFunctions, IReadOnlyList<string> ClosedDatabases);
