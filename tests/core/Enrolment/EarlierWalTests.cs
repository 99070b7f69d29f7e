using System.Collections.Immutable;
using Holdfast.Core;
using Holdfast.Core.Enrolment;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;
using Holdfast.Tests.Core.Repository;
using Holdfast.Tests.Core.Sealing;

namespace Holdfast.Tests.Core.Enrolment;

/// <summary>Who may have WAL of before a registration counted, and what a thief of the host's key gains by it: nothing (decision 0023).</summary>
public sealed class EarlierWalTests
{
    private static readonly WalSegmentName Segment = WalWorld.Segment;
    private static readonly ImmutableList<WalStretch> Wanted = [new WalStretch(Segment.Timeline, Segment.Start, Segment.End)];

    [Fact]
    public async Task Stretches_count_for_the_host_that_proves_a_new_token_and_no_others_and_asking_again_changes_nothing()
    {
        using var world = await MakeAsync();
        using var token = await IssueAsync(world);
        Assert.Equal(Standing.BeforeRegistration, await StandingAsync(world, Segment));

        await AskAsync(world, token, Wanted);

        Assert.Equal(Standing.Counts, await StandingAsync(world, Segment));
        Assert.Equal(Standing.BeforeRegistration, await StandingAsync(world, Segment.Next));
        var head = (await world.Log.Log.ReadStateAsync(null, default)).Head;
        await AskAsync(world, token, Wanted);
        Assert.Equal(head, (await world.Log.Log.ReadStateAsync(null, default)).Head);
        Assert.Equal(world.Stranger.PublicKey.Thumbprint, (await world.Log.Log.ReadStateAsync(null, default)).State.FindToken(token.Hash)!.UsedBy);
    }

    [Fact]
    public async Task The_hosts_key_alone_has_nothing_admitted()
    {
        using var world = await MakeAsync();
        using var made = EnrolmentToken.Generate();
        Assert.Contains("never issued", (await RefusedAsync(world, made, Wanted)).Message, StringComparison.Ordinal);
        using var used = await IssueAsync(world);
        await AskAsync(world, used, [new WalStretch(Segment.Timeline, Segment.Next.Start, Segment.Next.End)]);
        Assert.Contains("was used by key", (await RefusedAsync(world, used, Wanted)).Message, StringComparison.Ordinal);
        Assert.Equal(Standing.BeforeRegistration, await StandingAsync(world, Segment));
    }

    // It was junk when the thief stored it; an admission must not make it good, beside the name either.
    [Theory]
    [InlineData("")]
    [InlineData(".1")]
    public async Task What_the_hosts_key_signed_there_when_it_did_not_count_is_never_made_good(string beside)
    {
        using var world = await MakeAsync();
        using var token = await IssueAsync(world);
        world.Blobs.Overwrite(WalWorld.Name + beside, world.SealBytes(world.Stranger, WalWorld.Wal(5)));

        var refusal = await RefusedAsync(world, token, Wanted);

        Assert.Contains($"blob {WalWorld.Name}{beside} is there already, signed by its key", refusal.Message, StringComparison.Ordinal);
        Assert.Null((await world.Log.Log.ReadStateAsync(null, default)).State.FindToken(token.Hash)!.UsedBy);
    }

    [Fact]
    public async Task Junk_of_others_holds_nothing_up_and_what_others_stored_stays_what_is_read()
    {
        using var world = await MakeAsync();
        using var token = await IssueAsync(world);
        await world.StoreAsync(world.One, WalWorld.Wal(1));
        world.Blobs.Overwrite(WalWorld.Name + ".1", "junk"u8.ToArray());
        await AskAsync(world, token, Wanted);
        await Assert.ThrowsAsync<WalConflictException>(() => world.StoreAsync(world.Stranger, WalWorld.Wal(2)));
        Assert.Equal(WalWorld.Wal(1), await world.FetchAsync());
    }

    [Fact]
    public async Task Nothing_is_admitted_before_the_position_of_a_revocation_on_its_timeline()
    {
        using var world = await MakeAsync();
        using var token = await IssueAsync(world);
        await world.RevokeAsync(world.Two, 1, Segment.End.Value);
        Assert.Contains("when host \"two\" was revoked", (await RefusedAsync(world, token, Wanted)).Message, StringComparison.Ordinal);
        await AskAsync(world, token, [new WalStretch(Segment.Timeline, Segment.End, Segment.Next.End)]);
        Assert.Equal(Standing.Counts, await StandingAsync(world, Segment.Next));
    }

    [Fact]
    public async Task A_host_that_is_revoked_afterwards_keeps_what_was_admitted_up_to_that_position_only()
    {
        using var world = await MakeAsync();
        using var token = await IssueAsync(world);
        await AskAsync(world, token, [new WalStretch(Segment.Timeline, Segment.Start, Segment.Next.End)]);
        await world.RevokeAsync(world.Stranger, 1, Segment.End.Value);
        Assert.Equal(Standing.Counts, await StandingAsync(world, Segment));
        Assert.Equal(Standing.AfterRevocation, await StandingAsync(world, Segment.Next));
    }

    /// <summary>Stranger is "late", registered two segments after <see cref="Segment"/>.</summary>
    private static async Task<WalWorld> MakeAsync()
    {
        var world = await WalWorld.MakeAsync();
        await world.RegisterAsync(world.Stranger, "late", lsn: Segment.Next.End.Value);
        return world;
    }

    private static async Task<EnrolmentToken> IssueAsync(WalWorld world)
    {
        var token = EnrolmentToken.Generate();
        await world.Log.AppendAsync(new EnrolmentTokenIssued(token.Grant(HostRole.Database)));
        return token;
    }

    private static async Task<Standing> StandingAsync(WalWorld world, WalSegmentName segment) =>
        WalScope.Of(WalWorld.System, segment).StandingOf((await world.Log.Log.ReadStateAsync(null, default)).State, world.Stranger.PublicKey.Thumbprint);

    private static async Task AskAsync(WalWorld world, EnrolmentToken token, ImmutableList<WalStretch> wanted)
    {
        var host = (await world.Log.Log.ReadStateAsync(null, default)).State.FindHost(world.Stranger.PublicKey.Thumbprint)!;
        var request = RegistrationRequest.For(
            "shop", host.Name, HostRole.Database, token, host.SigningKey, host.AgreementKey, host.System, host.Start) with
        { Earlier = wanted };
        var bytes = await request.SignAsync(token, world.Stranger, default);
        var decisions = new ClusterDecisions("shop", world.Log.Store, world.Blobs, world.Log.ControlPlane, TimeProvider.System);
        await decisions.RegisterAsync(bytes, Sealed.Equality, default);
    }

    private static Task<RefusedException> RefusedAsync(WalWorld world, EnrolmentToken token, ImmutableList<WalStretch> wanted) =>
        Assert.ThrowsAsync<RefusedException>(() => AskAsync(world, token, wanted));
}
