using System.Reflection;
using Holdfast.Agent.Options;
using Holdfast.Core;
using Holdfast.Core.Sealing;

namespace Holdfast.Tests.Agent.Options;

public sealed class OptionTableTests
{
    public static TheoryData<string> Names => [.. OptionTable.All.Select(row => row.Name)];

    [Fact]
    public void Every_row_is_listed_once()
    {
        var declared = typeof(OptionTable).GetFields(BindingFlags.Public | BindingFlags.Static).Where(field => typeof(OptionRow).IsAssignableFrom(field.FieldType)).Select(field => (OptionRow)field.GetValue(null)!);
        Assert.Equal(declared.Order(ByName), OptionTable.All.Order(ByName));
        Assert.Distinct(OptionTable.All.Select(row => row.Name));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_row_tells_all_that_help_needs(string name)
    {
        var row = OptionTable.Find(name)!;
        Assert.Matches("^[a-z]+(-[a-z]+)*$", row.Name);
        Assert.NotEmpty(row.Summary);
        Assert.False(row.Summary.EndsWith('.'));
        Assert.NotEmpty(row.Expected);
        Assert.NotEqual(CommandSet.None, row.Commands);
        if (row.Default is { } value)
        {
            Assert.True(row.TryParseBoxed(value, out _), $"the default {value} is no value");
            Assert.NotEmpty(row.Reason);
        }
        Assert.Equal(row.Kind == OptionKind.Choice, row.Choices.Count > 0);
        Assert.All(row.Choices, choice => Assert.True(row.TryParseBoxed(choice, out _)));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_secret_is_no_flag_and_has_a_file_form(string name)
    {
        var row = OptionTable.Find(name)!;
        if (!row.Secret) return;
        Assert.False(row.In(OptionPlaces.Flag));
        Assert.Null(row.Default);
        Assert.Equal(row.Name + "-file", OptionTable.FileFormOf(row)?.Name);
    }

    [Theory]
    [InlineData("1048576", 1048576)]
    [InlineData("1MiB", 1048576)]
    [InlineData("1 MiB", 1048576)]
    [InlineData("1MB", 1048576)]
    [InlineData("1m", 1048576)]
    [InlineData("2048kB", 2097152)]
    [InlineData("1GiB", 1073741824)]
    public void Sizes_are_binary(string text, long bytes)
    {
        Assert.True(OptionTable.SpoolMax.Parser(text, out var size));
        Assert.Equal(bytes, size.Bytes);
    }

    [Theory]
    [InlineData("90", 90_000)]
    [InlineData("90s", 90_000)]
    [InlineData("1500ms", 1_500)]
    [InlineData("2min", 120_000)]
    [InlineData("2m", 120_000)]
    [InlineData("1h", 3_600_000)]
    [InlineData("1d", 86_400_000)]
    public void Durations_are_seconds_unless_they_say_otherwise(string text, long milliseconds)
    {
        Assert.True(OptionTable.ArchiveTimeout.Parser(text, out var span));
        Assert.Equal(milliseconds, span.TotalMilliseconds);
    }

    [Theory]
    [InlineData("-1s")]
    [InlineData("1.5s")]
    [InlineData("s")]
    [InlineData("9999999999999d")]
    public void Other_durations_are_refused(string text) => Assert.False(OptionTable.ArchiveTimeout.Parser(text, out _));

    [Theory]
    [InlineData("ab", true)]
    [InlineData("a1-b", true)]
    [InlineData("abcdefghijklmnopqrstuvwxyz01234", true)]
    [InlineData("abcdefghijklmnopqrstuvwxyz012345", false)]
    [InlineData("a", false)]
    [InlineData("1a", false)]
    [InlineData("a-", false)]
    [InlineData("a--b", false)]
    [InlineData("aB", false)]
    [InlineData("global", false)]
    public void Cluster_names_make_container_names(string text, bool valid) => Assert.Equal(valid, OptionTable.Cluster.Parser(text, out _));

    [Fact]
    public void A_pinned_key_comes_back()
    {
        using var ec = System.Security.Cryptography.ECDsa.Create(System.Security.Cryptography.ECCurve.NamedCurves.nistP256);
        var q = ec.ExportParameters(false).Q;
        var key = new VerifyingKey([.. q.X!, .. q.Y!]);
        Assert.True(PinnedKey.TryParse(PinnedKey.Format(key), out var pinned));
        Assert.Equal(key.Thumbprint, pinned.ToVerifyingKey().Thumbprint);
        var other = pinned with { Thumbprint = default };
        Assert.StartsWith("the pinned key names the thumbprint", Assert.Throws<ConfigurationException>(other.ToVerifyingKey).Message, StringComparison.Ordinal);
        Assert.StartsWith("the pinned key", Assert.Throws<ConfigurationException>(new PinnedKey(default, new byte[64]).ToVerifyingKey).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("repo-acount", "repo-account")]
    [InlineData("pgport", "pg-port")]
    [InlineData("proces-max", "process-max")]
    [InlineData("level-compress", null)]
    [InlineData("x", null)]
    [InlineData("", null)]
    public void The_nearest_name_is_near(string typed, string? expected) => Assert.Equal(expected, NearestName.Of(typed, OptionTable.All.Select(row => row.Name)));

    private static Comparer<OptionRow> ByName => Comparer<OptionRow>.Create((a, b) => string.CompareOrdinal(a.Name, b.Name));
}
