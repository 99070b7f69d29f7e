using Holdfast.Agent.Options;
using Holdfast.Core;

namespace Holdfast.Tests.Agent.Options;

public sealed class OptionResolverTests : IDisposable
{
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(null, null, null, null, null, 5432)]
    [InlineData(null, null, null, null, "1", 1)]
    [InlineData(null, null, null, "2", "1", 2)]
    [InlineData(null, null, "3", "2", "1", 3)]
    [InlineData(null, "4", "3", "2", "1", 4)]
    [InlineData("5", "4", "3", "2", "1", 5)]
    [InlineData("5", null, null, null, null, 5)]
    [InlineData(null, null, "3", null, "1", 3)]
    public void The_strongest_place_wins(string? flag, string? environment, string? cluster, string? global, string? postgres, int expected)
    {
        var text = $"[global]\n{(global is null ? "" : $"pg-port={global}")}\n[shop]\n{(cluster is null ? "" : $"pg-port={cluster}")}\n";
        var variables = new Dictionary<string, string> { ["HOLDFAST_CONFIG"] = _folder.Write("a.conf", text) };
        if (environment is not null) variables["HOLDFAST_PG_PORT"] = environment;
        if (postgres is not null) variables["PGPORT"] = postgres;
        var options = Resolve(variables, flag is null ? [] : [$"--pg-port={flag}"]);
        Assert.Equal(expected, options.Get(OptionTable.PgPort));
        Assert.Equal("shop", options.Get(OptionTable.Cluster));
    }

    [Fact]
    public void The_config_flag_wins_over_its_variable()
    {
        var first = _folder.Write("a.conf", "[global]\npg-port=1\n");
        var second = _folder.Write("b.conf", "[global]\npg-port=2\n");
        var options = Resolve(new() { ["HOLDFAST_CONFIG"] = first }, "--config", second);
        Assert.Equal(2, options.Get(OptionTable.PgPort));
        Assert.Equal($"{second}:2", options.SourceOf(OptionTable.PgPort)!.Value.Place);
    }

    [Fact]
    public void Another_clusters_section_does_not_count()
    {
        var options = ResolveFile("[global]\npg-port=1\n[shop]\npg-port=2\n[stock]\npg-port=3\n", "--cluster=stock");
        Assert.Equal(3, options.Get(OptionTable.PgPort));
    }

    [Fact]
    public void Two_clusters_and_none_named_is_an_error()
    {
        var failure = Fails("[shop]\npg-port=2\n[stock]\npg-port=3\n");
        Assert.Equal("F configures 2 clusters and none was named: shop, stock", failure.Message);
        Assert.Equal("name one: --cluster=shop", failure.Hint);
    }

    [Fact]
    public void A_cluster_without_its_section_is_an_error()
    {
        var failure = Fails("[shop]\npg-port=2\n", "--cluster=shpo");
        Assert.Equal("flag --cluster: F has no section [shpo]", failure.Message);
        Assert.Equal("did you mean shop?", failure.Hint);
    }

    [Fact]
    public void A_relative_path_in_the_file_is_meant_from_its_folder()
    {
        var file = _folder.Write("a.conf", "[shop]\ncontent-key-file=content.jwk\nindex-key-file=../index.jwk\npg-path=/data\n");
        var options = OptionResolver.Resolve(CommandSet.Check, Flags(CommandSet.Check, "--config=" + file), Empty);
        Assert.Equal(Path.Combine(_folder.Path, "content.jwk"), options.Get(OptionTable.ContentKeyFile));
        Assert.Equal(Path.Combine(Path.GetDirectoryName(_folder.Path)!, "index.jwk"), options.Get(OptionTable.IndexKeyFile));
        Assert.Equal("/data", options.Get(OptionTable.PgPath));
    }

    [Fact]
    public void Init_may_name_a_cluster_that_the_file_does_not_know() =>
        Assert.Equal("stock", OptionResolver.Resolve(CommandSet.Init, Flags(CommandSet.Init, "--cluster=stock", "--config=" + _folder.Write("a.conf", "[shop]\npg-port=2\n")), Empty).Get(OptionTable.Cluster));

    [Theory]
    [InlineData("[global]\nrepo-acount=x\n", "F:2: unknown option repo-acount", "did you mean repo-account? All options: holdfast help --reference")]
    [InlineData("[global]\nxyzzy=x\n", "F:2: unknown option xyzzy", "All options: holdfast help --reference")]
    [InlineData("[global]\n\npg-port=0\n", "F:3: pg-port: expected a whole number from 1 to 65535, found \"0\"", null)]
    [InlineData("[global]\npg-port=65536\n", "F:2: pg-port: expected a whole number from 1 to 65535, found \"65536\"", null)]
    [InlineData("[global]\npg-port=1 # mine\n", "F:2: pg-port: expected a whole number from 1 to 65535, found \"1 # mine\"", null)]
    [InlineData("[global]\nlog-level=inof\n", "F:2: log-level: expected one of error, warn, info, debug, found \"inof\"", "did you mean info?")]
    [InlineData("[global]\narchive-timeout=0\n", "F:2: archive-timeout: expected a time from 1 s to 24 h, like 90s, 10min or 1h, found \"0\"", null)]
    [InlineData("[global]\narchive-timeout=5weeks\n", "F:2: archive-timeout: expected a time from 1 s to 24 h, like 90s, 10min or 1h, found \"5weeks\"", null)]
    [InlineData("[global]\nspool-max=1kB\n", "F:2: spool-max: expected a size from 1 MiB to 1 TiB, like 64MiB or 1GiB, found \"1kB\"", null)]
    [InlineData("[global]\nspool-max=99999999999999999999\n", "F:2: spool-max: expected a size from 1 MiB to 1 TiB, like 64MiB or 1GiB, found \"99999999999999999999\"", null)]
    [InlineData("[global]\nrepo-endpoint=http://db.example\n", "F:2: repo-endpoint: expected an https address without user, query or fragment (http only to this host itself), found \"http://db.example\"", null)]
    [InlineData("[global]\nrepo-endpoint=https://a.example/?sig=1\n", "F:2: repo-endpoint: expected an https address without user, query or fragment (http only to this host itself), found \"https://a.example/?sig=1\"", null)]
    [InlineData("[global]\ncluster=shop\n", "F:2: cluster cannot be given in the configuration file", "use --cluster or HOLDFAST_CLUSTER")]
    [InlineData("[global]\nyes=y\n", "F:2: yes cannot be given in the configuration file", "use --yes")]
    [InlineData("[shop]\npg-port=1\n[other]\npg-port=x\n", "F:4: pg-port: expected a whole number from 1 to 65535, found \"x\"", null)]
    [InlineData("[global]\nrepo-key=a\nrepo-key-file=/b\n", "F:3: repo-key-file and repo-key (F:2) are both given", "keep one of the two")]
    [InlineData("[global]\ncontrol-plane-key=abc\n", "F:2: control-plane-key: expected THUMBPRINT:POINT of a P-256 public key (43 and 86 characters of base64url), found \"abc\"", null)]
    public void A_wrong_line_is_named(string text, string message, string? hint)
    {
        var failure = Fails(text, "--cluster=shop");
        Assert.Equal(message, failure.Message);
        if (hint is not null) Assert.Equal(hint, failure.Hint);
        Assert.False(string.IsNullOrEmpty(failure.Hint));
    }

    [Theory]
    [InlineData("HOLDFAST_REPO_ACOUNT", "x", "environment variable HOLDFAST_REPO_ACOUNT stands for no option", "did you mean HOLDFAST_REPO_ACCOUNT? All options: holdfast help --reference")]
    [InlineData("HOLDFAST_XYZZY", "x", "environment variable HOLDFAST_XYZZY stands for no option", "unset HOLDFAST_XYZZY. All options: holdfast help --reference")]
    [InlineData("HOLDFAST_YES", "y", "environment variable HOLDFAST_YES stands for no option", null)]
    [InlineData("HOLDFAST_PG_PORT", "", "environment variable HOLDFAST_PG_PORT: expected a whole number from 1 to 65535, found nothing", "unset HOLDFAST_PG_PORT to use the default")]
    [InlineData("HOLDFAST_PG_PORT", "x", "environment variable HOLDFAST_PG_PORT: pg-port: expected a whole number from 1 to 65535, found \"x\"", null)]
    [InlineData("PGPORT", "x", "environment variable PGPORT: pg-port: expected a whole number from 1 to 65535, found \"x\"", null)]
    public void A_wrong_variable_is_named(string name, string value, string message, string? hint)
    {
        var failure = Assert.Throws<ConfigurationException>(() => Resolve(new() { [name] = value }));
        Assert.Equal(message, failure.Message);
        if (hint is not null) Assert.Equal(hint, failure.Hint);
    }

    [Fact]
    public void Variables_of_tests_are_nobodys_business() => Resolve(new() { ["HOLDFAST_TEST_UPDATE"] = "1" });

    [Fact]
    public void Commands_without_configuration_work_where_it_is_broken() =>
        OptionResolver.Resolve(CommandSet.Version, [], new Dictionary<string, string> { ["HOLDFAST_XYZZY"] = "1", ["HOLDFAST_CONFIG"] = "/does/not/exist" });

    [Fact]
    public void A_named_configuration_must_exist() =>
        Assert.StartsWith("cannot read the configuration from /does/not/exist: ", Assert.Throws<ConfigurationException>(() => Resolve([], "--config=/does/not/exist")).Message);

    [Fact]
    public void A_flag_given_twice_is_an_error() =>
        Assert.Equal("flag --pg-port: given twice", Assert.Throws<ConfigurationException>(() => Resolve([], "--pg-port=1", "--pg-port=1")).Message);

    [Fact]
    public void A_missing_value_says_how_to_give_it()
    {
        var options = Resolve([]);
        var failure = Assert.Throws<ConfigurationException>(() => options.Get(OptionTable.PgPath));
        Assert.Equal("option pg-path is needed and given nowhere: the data directory", failure.Message);
        Assert.Equal("add pg-path=… to /etc/holdfast/holdfast.conf, or HOLDFAST_PG_PATH to the environment, or --pg-path=… to the command line", failure.Hint);
        Assert.DoesNotContain("--repo-key=", Assert.Throws<ConfigurationException>(() => options.Get(OptionTable.RepoKey)).Hint, StringComparison.Ordinal);
    }

    [Fact]
    public void A_secret_comes_from_a_file_of_its_own()
    {
        var path = _folder.Write("key", "s3cret\n");
        var options = Resolve([], "--repo-key-file", path);
        Assert.Equal("s3cret", options.Get(OptionTable.RepoKey));
        Assert.Contains("s3cret", options.Secrets);
        Assert.Empty(options.Warnings);
    }

    [Fact]
    public void The_stronger_place_wins_between_both_forms_of_a_secret()
    {
        var path = _folder.Write("key", "from-file\n");
        var conf = _folder.Write("a.conf", "[global]\nrepo-key=weak\n");
        Assert.Equal("from-file", Resolve(new() { ["HOLDFAST_REPO_KEY_FILE"] = path }, "--config", conf).Get(OptionTable.RepoKey));
        conf = _folder.Write("b.conf", $"[global]\nrepo-key-file={path}\n");
        Assert.Equal("strong", Resolve(new() { ["HOLDFAST_REPO_KEY"] = "strong" }, "--config", conf).Get(OptionTable.RepoKey));
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n")]
    [InlineData("two\nlines\n")]
    public void A_secret_file_holds_one_line(string text)
    {
        var path = _folder.Write("key", text);
        Assert.Equal($"{path}: expected one line of text, found none or more", Assert.Throws<ConfigurationException>(() => Resolve([], "--repo-key-file", path)).Message);
    }

    [Fact]
    public void Secrets_that_everyone_can_read_are_warned_of()
    {
        var key = _folder.Write("key", "s3cret", Private | UnixFileMode.OtherRead);
        Assert.StartsWith($"{key} holds repo-key and can be read by every user of this host (mode 0604)", Assert.Single(Resolve([], "--repo-key-file", key).Warnings), StringComparison.Ordinal);
        var conf = _folder.Write("a.conf", "[global]\nrepo-key=x\n", Private | UnixFileMode.OtherRead);
        Assert.StartsWith($"{conf} holds repo-key", Assert.Single(Resolve([], "--config", conf).Warnings), StringComparison.Ordinal);
        conf = _folder.Write("b.conf", "[global]\npg-port=1\n", Private | UnixFileMode.OtherRead);
        Assert.Empty(Resolve([], "--config", conf).Warnings);
    }

    [Fact]
    public void Files_that_everyone_can_write_are_refused()
    {
        var conf = _folder.Write("a.conf", "[global]\npg-port=1\n", Private | UnixFileMode.OtherWrite);
        Assert.StartsWith($"{conf} is refused: every user of this host can write to it (mode 0602)", Assert.Throws<ConfigurationException>(() => Resolve([], "--config", conf)).Message);
        var key = _folder.Write("key", "s3cret", Private | UnixFileMode.OtherWrite);
        Assert.StartsWith($"{key} is refused", Assert.Throws<ConfigurationException>(() => Resolve([], "--repo-key-file", key)).Message);
    }

    [Fact]
    public void A_huge_file_is_not_read_to_the_end()
    {
        var path = _folder.Write("huge.conf", "");
        using (var file = File.OpenWrite(path)) file.SetLength(1L << 40);
        Assert.Equal($"{path}: expected at most 1048576 bytes, found more", Assert.Throws<ConfigurationException>(() => Resolve([], "--config=" + path)).Message);
    }

    private static Dictionary<string, string> Empty => [];

    private static IReadOnlyList<GivenOption> Flags(CommandSet command, params string[] words) => FlagReader.Read(command, "check", words).Flags;

    private static ResolvedOptions Resolve(Dictionary<string, string> environment, params string[] words) => OptionResolver.Resolve(CommandSet.Check, Flags(CommandSet.Check, words), environment);

    private ResolvedOptions ResolveFile(string text, params string[] words) => Resolve([], [.. words, "--config=" + _folder.Write("f.conf", text)]);

    private ConfigurationException Fails(string text, params string[] words)
    {
        var path = _folder.Write("f.conf", text);
        var failure = Assert.Throws<ConfigurationException>(() => Resolve([], [.. words, "--config=" + path]));
        return new ConfigurationException(failure.Message.Replace(path, "F", StringComparison.Ordinal), failure.Hint);
    }
}
