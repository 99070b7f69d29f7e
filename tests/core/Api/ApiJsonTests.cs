using System.Reflection;
using System.Text.Json;
using Holdfast.Core.Api;

namespace Holdfast.Tests.Core.Api;

public class ApiJsonTests
{
    [Fact]
    public void A_host_that_has_archived_nothing_and_whose_server_does_not_answer_is_read_back()
    {
        var heartbeat = new HostHeartbeat("0.1.0", 0, ReadyCount: 0, WalBytes: 0, WalFreeBytes: 0, InRecovery: false);
        var json = JsonSerializer.Serialize(heartbeat, ApiJson.Default.HostHeartbeat);
        Assert.DoesNotContain("archivedTo", json, StringComparison.Ordinal);
        Assert.Equal(heartbeat, JsonSerializer.Deserialize(json, ApiJson.Default.HostHeartbeat));
    }

    // What is null is left out, so whoever reads must not miss it.
    [Fact]
    public void What_may_be_left_out_is_not_asked_for()
    {
        var nullability = new NullabilityInfoContext();
        var documents = typeof(ApiContract).Assembly.GetTypes().Where(type => type is { Namespace: "Holdfast.Core.Api", IsClass: true } && ApiJson.Default.GetTypeInfo(type) is not null).ToList();
        Assert.NotEmpty(documents);
        foreach (var document in documents)
            foreach (var parameter in document.GetConstructors().SelectMany(made => made.GetParameters()))
                Assert.True(parameter.HasDefaultValue || nullability.Create(parameter).WriteState != NullabilityState.Nullable, $"{document.Name}.{parameter.Name} may be null and has no default");
    }
}
