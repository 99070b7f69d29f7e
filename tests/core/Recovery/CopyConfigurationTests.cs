using System.Text;
using Holdfast.Core.Postgres;
using Holdfast.Core.Recovery;

namespace Holdfast.Tests.Core.Recovery;

public sealed class CopyConfigurationTests
{
    private const string Original = "/var/lib/postgresql/17/main", Main = "postgresql.conf", Etc = "/etc/postgresql/17/main/postgresql.conf";

    [Theory]
    [InlineData("data_directory = '/var/lib/postgresql/17/main'\t# use data in another directory")]
    [InlineData("HBA_FILE '/etc/postgresql/17/main/pg_hba.conf'")]
    [InlineData("ident_file='/etc/x'")]
    [InlineData("  external_pid_file = '/var/run/postgresql/17-main.pid'")]
    [InlineData("recovery_target_time = '2020-01-01'")]
    public void Places_of_the_original_and_its_targets_are_taken_out_and_named(string line)
    {
        var copy = Take($"port = 5432\n{line}\n", Etc);
        Assert.Equal($"port = 5432\n# before the restore: {line}\n", Text(copy, Main));
        Assert.Equal($"{Etc}:2", Assert.Single(copy.Removed).Where);
    }

    [Theory]
    [InlineData("work_mem = '7MB'")]
    [InlineData("#data_directory = 'ConfigDir'")]
    [InlineData("log_line_prefix = '%m größe data_directory = ''x'''")]
    public void Everything_else_stays(string line) => Assert.Empty(Take(line + "\n", Etc).Written);

    [Theory]
    [InlineData("include_dir = 'conf.d'", Etc, "include_dir 'holdfast.outside/etc/postgresql/17/main/conf.d'")]
    [InlineData("include '../main/more.conf'", Etc, "include 'holdfast.outside/etc/postgresql/17/main/more.conf'")]
    [InlineData("include_if_exists = '/srv/shared.conf'", Etc, "include_if_exists 'holdfast.outside/srv/shared.conf'")]
    [InlineData("include '/srv/shared.conf'", $"{Original}/{Main}", "include 'holdfast.outside/srv/shared.conf'")]
    [InlineData($"include '{Original}/own.conf'", $"{Original}/{Main}", "include 'own.conf'")]
    public void What_it_includes_is_the_copys_own(string line, string was, string becomes) =>
        Assert.Equal($"# before the restore: {line}\n{becomes}\n", Text(Take(line + "\n", was), Main));

    [Theory]
    [InlineData("include 'own.conf'")]
    [InlineData("include_dir 'conf.d'")]
    public void An_include_that_leads_into_the_copy_by_itself_stays(string line) => Assert.Empty(Take(line + "\n", $"{Original}/{Main}").Written);

    [Fact]
    public void What_is_not_in_the_backup_is_not_read_from_this_host_and_is_said()
    {
        var copy = Take("include '/etc/gone.conf'\n", $"{Original}/{Main}");
        Assert.Equal("# not in the backup: include '/etc/gone.conf'\n", Text(copy, Main));
        Assert.Contains($"{Original}/{Main}:1", Assert.Single(copy.Notes), StringComparison.Ordinal);
    }

    [Fact]
    public void An_included_file_is_changed_as_well_and_its_own_paths_start_from_its_folder()
    {
        var copy = Take("include 'sub/deep.conf'\n", $"{Original}/{Main}");
        Assert.Equal("# before the restore: data_directory = '/x'\n# before the restore: include '/srv/shared.conf'\ninclude '../holdfast.outside/srv/shared.conf'\n", Text(copy, "sub/deep.conf"));
        Assert.Equal("/srv/shared.conf:1", copy.Settings["work_mem"].Where);
    }

    [Fact]
    public void A_password_is_not_told() => Assert.Equal(
        "host=a password=*** user=b; PGPASSWORD=*** x postgresql://u:***@h/d",
        CopySettings.Masked("host=a password='it s' user=b; PGPASSWORD=geheim x postgresql://u:geheim@h/d"));

    [Fact]
    public void All_targets_are_written_and_the_used_one_after_the_empty_ones()
    {
        var settings = CopySettings.Recovery([("recovery_target_xid", "7"), ("recovery_target_timeline", "latest")]);
        Assert.Equal(
            ["recovery_target", "recovery_target_lsn", "recovery_target_name", "recovery_target_time", "recovery_target_inclusive",
                "recovery_target_action", "recovery_target_xid", "recovery_target_timeline"],
            settings.Select(setting => setting.Name));
        Assert.All(settings.Take(4), setting => Assert.Empty(setting.Value));
    }

    private static CopyConfiguration Take(string content, string was)
    {
        var copy = new CopyConfiguration(new Files(), Original, "/srv/copy");
        copy.Take(Main, was, Encoding.UTF8.GetBytes(content));
        return copy;
    }

    private static string Text(CopyConfiguration copy, string name) => Encoding.UTF8.GetString(copy.Written[name]);

    private sealed class Files : IConfigurationFiles
    {
        private static readonly Dictionary<string, string> Known = new()
        {
            ["holdfast.outside/etc/postgresql/17/main/conf.d/a.conf"] = "",
            ["holdfast.outside/etc/postgresql/17/main/more.conf"] = "",
            ["holdfast.outside/srv/shared.conf"] = "work_mem = 1\n",
            ["own.conf"] = "",
            ["conf.d/b.conf"] = "",
            ["sub/deep.conf"] = "data_directory = '/x'\ninclude '/srv/shared.conf'\n",
        };

        public byte[]? Read(string path) => Known.TryGetValue(path, out var text) ? Encoding.UTF8.GetBytes(text) : null;

        public IReadOnlyList<string>? Names(string folder)
        {
            var names = Known.Keys.Where(path => ConfigurationPath.Folder("/" + path) == "/" + folder).Select(path => path[(folder.Length + 1)..]).ToArray();
            return names.Length > 0 ? names : null;
        }
    }
}
