namespace Holdfast.Tests.Bicep;

/// <summary>The template compiles without a word, and makes what it made before.</summary>
public class TemplateTests
{
    [Theory]
    [InlineData("main.bicep")]
    [InlineData("development.bicepparam")]
    [InlineData("production.bicepparam")]
    public void Compiles_without_a_diagnostic(string file) => Assert.Empty(BicepCompiler.Diagnose(file));

    [Fact]
    public void Makes_in_development_what_it_made_before() => HoldAgainstGolden("development", Deployment.Development.Value.Text);

    [Fact]
    public void Makes_in_production_what_it_made_before() => HoldAgainstGolden("production", Deployment.Production.Value.Text);

    private static void HoldAgainstGolden(string sample, string snapshot)
    {
        var path = Golden.PathOf("bicep", sample + ".json");
        if (Environment.GetEnvironmentVariable("HOLDFAST_TEST_UPDATE") == "1") File.WriteAllText(path, snapshot);
        Assert.True(File.Exists(path), $"{path} is missing; run the tests with HOLDFAST_TEST_UPDATE=1");
        var (expected, actual) = (File.ReadAllText(path).Split('\n'), snapshot.Split('\n'));
        var line = Enumerable.Range(0, Math.Min(expected.Length, actual.Length)).FirstOrDefault(i => expected[i] != actual[i], -1);
        Assert.True(line < 0, $"{sample}, line {line + 1}: expected {expected.ElementAtOrDefault(line)}, found {actual.ElementAtOrDefault(line)}. Meant so? HOLDFAST_TEST_UPDATE=1");
        Assert.Equal(expected.Length, actual.Length);
    }
}
