using Holdfast.Core;
using Holdfast.Core.Repository;
using Holdfast.Functions.Activities;
using Holdfast.Tests.Fixtures;
using Microsoft.Extensions.Logging.Abstractions;

namespace Holdfast.Tests.Functions.Activities;

public class ImmutabilityWatchTests
{
    private readonly ManualTime _clock = new();
    private readonly Dictionary<string, Func<ContainerPolicy?>> _policies = new() { ["shop-data"] = () => new(35, true), ["shop-log"] = () => new(365, true) };
    private int _reads;

    [Fact]
    public async Task What_is_as_it_should_be_or_stricter_is_no_drift()
    {
        var watch = Watch(new ContainerPolicy(35, IsLocked: false));
        Assert.Null(watch.Drift);
        await watch.LookAsync(default);
        Assert.Equal(0, watch.Drift);
    }

    [Fact]
    public async Task Missing_shorter_unlocked_and_unseen_policies_count()
    {
        var watch = Watch(new ContainerPolicy(35, IsLocked: true));
        foreach (var (policy, drift) in new (Func<ContainerPolicy?>, int)[]
        {
            (() => null, 1), (() => new(34, true), 1), (() => new(35, false), 1), (() => new(35, true), 0),
            (() => throw new StoreCallException("refused", null, 403, "AuthorizationFailed", 1), 1),
        })
        {
            _policies["shop-data"] = policy;
            _clock.Advance(TimeSpan.FromMinutes(15));
            await watch.LookAsync(default);
            Assert.Equal(drift, watch.Drift);
        }
    }

    [Fact]
    public async Task What_could_not_be_asked_leaves_what_was_known_and_is_asked_again_at_once()
    {
        var watch = Watch(new ContainerPolicy(35, IsLocked: true));
        _policies["shop-data"] = () => null;
        await watch.LookAsync(default);
        Assert.Equal((1, 2), (watch.Drift, _reads));
        await watch.LookAsync(default);
        Assert.Equal(2, _reads); // not each minute
        _clock.Advance(TimeSpan.FromMinutes(15));
        _policies["shop-data"] = () => throw new StoreException("no answer");
        await watch.LookAsync(default);
        Assert.Equal(1, watch.Drift);
        _policies["shop-data"] = () => new(35, true);
        await watch.LookAsync(default);
        Assert.Equal(0, watch.Drift);
    }

    private ImmutabilityWatch Watch(ContainerPolicy expected) => new((container, _) =>
    {
        _reads++;
        return Task.FromResult(_policies[container]());
    }, [("shop-data", expected), ("shop-log", expected with { Days = 365 })], _clock, NullLogger<ImmutabilityWatch>.Instance);
}
