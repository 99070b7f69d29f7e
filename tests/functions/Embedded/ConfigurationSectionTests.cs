using Holdfast.Core;
using Holdfast.Functions.Embedded;
using Microsoft.Extensions.Configuration;
using ConfigurationSection = Holdfast.Functions.Embedded.ConfigurationSection;

namespace Holdfast.Tests.Functions.Embedded;

public class ConfigurationSectionTests
{
    private static readonly TimeSpan Least = TimeSpan.FromSeconds(1), Most = TimeSpan.FromHours(1);

    [Theory]
    [InlineData("90", 90)]
    [InlineData("90s", 90)]
    [InlineData("1500ms", 1.5)]
    [InlineData("2 min", 120)]
    [InlineData("2m", 120)]
    [InlineData("1h", 3600)]
    public void Reads_spans_of_time_as_the_agent_does(string text, double seconds) => Assert.Equal(TimeSpan.FromSeconds(seconds), Of(text).FindSpan("repo-timeout", Least, Most));

    [Theory]
    [InlineData("0")]
    [InlineData("999ms")]
    [InlineData("61min")]
    [InlineData("1d")]
    [InlineData("-5s")]
    [InlineData("s")]
    [InlineData("soon")]
    [InlineData("99999999999h")]
    public void Refuses_what_is_none_or_out_of_bounds(string text) =>
        Assert.Contains("repo-timeout: expected 1s to 1h", Assert.Throws<ConfigurationException>(() => Of(text).FindSpan("repo-timeout", Least, Most)).Message, StringComparison.Ordinal);

    [Fact]
    public void Leaves_the_default_to_the_caller() => Assert.Null(Of("").FindSpan("repo-timeout", Least, Most));

    private static ConfigurationSection Of(string timeout) =>
        new("/etc/holdfast.conf", "shop", new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?> { ["shop:repo-timeout"] = timeout }).Build());
}
