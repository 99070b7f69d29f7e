using Holdfast.Agent.Options;

namespace Holdfast.Agent.CommandLine;

/// <summary>Every command, in the order of help. Made on demand: archive-push must not pay for the others.</summary>
public static class CommandTable
{
    /// <summary>All commands.</summary>
    public static IReadOnlyList<AgentCommand> All { get; } =
    [
        new Init.InitCommand(), new Register.RegisterCommand(), new Check.CheckCommand(), new Resident.ResidentCommand(), new ArchivePush.ArchivePushCommand(), new ArchiveGet.ArchiveGetCommand(),
        new Adopt.AdoptCommand(), new Backup.BackupCommand(), new Policy.PolicyCommand(), new Token.TokenCommand(), new Revoke.RevokeCommand(), new Info.InfoCommand(), new Restore.RestoreCommand(), new Version.VersionCommand(), new Help.HelpCommand(), new Completion.CompletionCommand(),
    ];

    /// <summary>The command of that name, or null.</summary>
    public static AgentCommand? Find(string name) => All.FirstOrDefault(command => command.Name == name);

    /// <summary>The names of the commands in a set.</summary>
    public static IEnumerable<string> NamesOf(CommandSet set) => All.Where(command => (set & command.Id) != 0).Select(command => command.Name);
}
