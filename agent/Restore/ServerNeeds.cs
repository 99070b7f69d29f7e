using System.Text.Json.Serialization;

namespace Holdfast.Agent.Restore;

/// <summary>A user of this host.</summary>
/// <param name="Id">User id.</param>
/// <param name="Group">The group that files get.</param>
internal sealed record ServerUser(uint Id, uint Group);

/// <summary>A file that archive-get will read.</summary>
/// <param name="Option">What names it.</param>
/// <param name="Path">Where it is.</param>
internal sealed record NeededFile(string Option, string Path);

/// <summary>All that a restored server needs besides its data: tried before anything is fetched, as the user who will run it.</summary>
/// <param name="User">Who will run it.</param>
/// <param name="Program">The agent, as restore_command names it.</param>
/// <param name="Cluster">The cluster.</param>
/// <param name="ConfigurationPath">The configuration file that archive-get will read.</param>
/// <param name="Configuration">Its content, where this restore is yet to write it; null: it is there.</param>
/// <param name="Files">Keys, credentials, authorities.</param>
/// <param name="Folders">Folders that the server must reach: its data directory, tablespaces, pg_wal, what holds the configuration.</param>
/// <param name="System">The history.</param>
/// <param name="Segment">The first segment that recovery will want.</param>
/// <param name="SegmentBytes">Bytes of a segment.</param>
internal sealed record ServerNeeds(
    ServerUser User, string Program, string Cluster, string ConfigurationPath, byte[]? Configuration, IReadOnlyList<NeededFile> Files,
    IReadOnlyList<string> Folders, ulong System, string Segment, int SegmentBytes);

/// <summary>What is in the way, as a child process tells it.</summary>
/// <param name="Message">What was tried, and what happened.</param>
/// <param name="Hint">What can be done.</param>
internal sealed record TrialFailure(string Message, string? Hint);

[JsonSourceGenerationOptions(RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(ServerNeeds))]
[JsonSerializable(typeof(TrialFailure))]
internal sealed partial class TrialJson : JsonSerializerContext;
