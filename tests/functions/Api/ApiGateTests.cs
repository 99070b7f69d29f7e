using Holdfast.Core.Api;
using Holdfast.Functions.Api;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Holdfast.Tests.Functions.Api;

public class ApiGateTests
{
    private static readonly ApiGate Gate = new(new Uri("http://127.0.0.1:7430"));

    private static readonly ApiKeys Keys = new(("hfk_admin", ApiRole.OfAdminKey), ("hfk_operator", ApiRole.OfOperatorKey));

    [Theory]
    [InlineData("127.0.0.1:7430", null, 0)]
    [InlineData("localhost:7430", null, 0)]
    [InlineData("[::1]:7430", null, 0)]
    [InlineData("localhost:7430", "http://localhost:7430", 0)]
    [InlineData("rebound.example:7430", null, 421)]
    [InlineData("127.0.0.1:7431", null, 421)]
    [InlineData("127.0.0.1", null, 421)]
    [InlineData("", null, 421)]
    [InlineData("127.0.0.1:7430", "http://evil.example", 403)]
    [InlineData("127.0.0.1:7430", "https://127.0.0.1:7430", 403)]
    [InlineData("127.0.0.1:7430", "null", 403)]
    public void Lets_in_who_names_this_server_and_comes_from_no_other_page(string host, string? origin, int status)
    {
        var request = new DefaultHttpContext().Request;
        request.Host = new HostString(host);
        if (origin is not null) request.Headers.Origin = origin;
        Assert.Equal(status, Gate.RefuseOrigin(request)?.Status ?? 0);
    }

    [Theory]
    [InlineData("hfk_admin", ApiRole.Admin, 0)]
    [InlineData("hfk_admin", ApiRole.Operator, 0)]
    [InlineData("hfk_operator", ApiRole.Operator, 0)]
    [InlineData("hfk_operator", ApiRole.Report, 0)]
    [InlineData("hfk_operator", ApiRole.Admin, 403)]
    [InlineData("hfk_operator", ApiRole.Recover, 403)]
    [InlineData("hfk_Admin", ApiRole.Report, 401)]
    [InlineData("", ApiRole.Report, 401)]
    [InlineData(null, ApiRole.Report, 401)]
    public void A_key_stands_for_its_roles(string? key, ApiRole needed, int status)
    {
        var problem = ApiGate.RefuseCaller(Keys, key is null ? StringValues.Empty : new StringValues(key), needed);
        Assert.Equal(status, problem?.Status ?? 0);
        if (problem is not null) Assert.NotNull(problem.Hint);
    }

    [Fact]
    public void Two_keys_are_none_and_an_unknown_cluster_looks_like_a_wrong_key()
    {
        Assert.Equal(401, ApiGate.RefuseCaller(Keys, new StringValues(["hfk_admin", "hfk_admin"]), ApiRole.Report)!.Status);
        Assert.Equal(ApiGate.RefuseCaller(Keys, new StringValues("wrong"), ApiRole.Report), ApiGate.RefuseCaller(null, new StringValues("hfk_admin"), ApiRole.Report));
        Assert.Equal(ApiRole.None, new ApiKeys(("", ApiRole.OfAdminKey)).RolesOf(""));
    }

    [Fact]
    public void A_failure_crosses_the_wire_as_the_same_kind_with_its_hint()
    {
        foreach (var failure in new Holdfast.Core.HoldfastException[]
                 {
                     new Holdfast.Core.ConfigurationException("a", "b"), new Holdfast.Core.RefusedException("c", "d"), new Holdfast.Core.StoreException("e", "f"), new Holdfast.Core.DamagedException("g", "h"),
                 })
        {
            var problem = ApiContract.Of(failure);
            var arrived = ApiContract.Failure("asking", problem.Status, System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(problem, ApiJson.Default.ApiProblem));
            Assert.Equal((failure.GetType(), failure.Message, failure.Hint), (arrived.GetType(), arrived.Message, arrived.Hint));
        }
        Assert.DoesNotContain("secret", ApiContract.Of(new InvalidOperationException("a secret")).Detail, StringComparison.Ordinal);
        Assert.IsType<GatewayException>(ApiContract.Failure("asking", 502, "<html>a proxy's page</html>"u8));
        Assert.IsType<Holdfast.Core.StoreException>(ApiContract.Failure("asking", 404, "<html>a proxy's page</html>"u8));
    }
}
