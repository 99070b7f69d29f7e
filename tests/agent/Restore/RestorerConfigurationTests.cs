using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Host;
using Holdfast.Agent.Options;
using Holdfast.Agent.Restore;

namespace Holdfast.Tests.Agent.Restore;

public sealed class RestorerConfigurationTests
{
    [Fact]
    public void A_data_directory_in_the_environment_of_the_restored_server_does_not_send_WAL_to_another()
    {
        using var folder = new TemporaryFolder();
        var file = folder.Write("holdfast.conf", "[shop]\n");
        var resolved = Resolve("--cluster=shop", $"--config={file}", "--pg-path=/srv/copy");
        var command = new RestorerConfiguration(resolved, new StateFolder("/nowhere")).Command("/usr/bin/holdfast", "/srv/a copy");
        var flags = $"--config={file} --cluster=shop --pg-path='/srv/a copy' --restored-keys";
        Assert.Equal($"/usr/bin/holdfast archive-get {flags} %f \"%p\"", command);
        var options = OptionResolver.Resolve(CommandSet.ArchiveGet, FlagReader.Read(CommandSet.ArchiveGet, "test", ["--cluster=shop", "--pg-path=/srv/copy"]).Flags,
            new Dictionary<string, string> { ["PGDATA"] = "/srv/original", ["HOLDFAST_PG_PATH"] = "/srv/original" });
        Assert.Equal("/srv/copy", options.Get(OptionTable.PgPath));
    }

    private static ResolvedOptions Resolve(params string[] words) =>
        OptionResolver.Resolve(CommandSet.Restore, FlagReader.Read(CommandSet.Restore, "test", words).Flags, new Dictionary<string, string>());
}
