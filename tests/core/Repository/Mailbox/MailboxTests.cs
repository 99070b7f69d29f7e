using System.Security.Cryptography;
using Holdfast.Core;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;
using Holdfast.Tests.Core.Sealing;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Tests.Core.Repository.Mailbox;

public sealed class MailboxTests : IDisposable
{
    private readonly LogWorld _log = new();
    private readonly MemoryObjectStore _work = new();
    private readonly EcSigningKey _host = EcSigningKey.Generate();
    private readonly ECDiffieHellman _agreement = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256);
    private readonly ClusterState _state;

    public MailboxTests() => _state = _log.Fold(LogWorld.Host(_host, _log.FirstToken) with { AgreementKey = new AgreementPublicKey(AgreementSeal.PointOf(_agreement)) });

    private RegisteredHost Host => _state.FindHost(_host.PublicKey.Thumbprint)!;

    private JobSender Sender => new(_work, _log.ControlPlane);

    private JobReceiver Receiver => new(_work, Host.Thumbprint, new AgreementKey(_agreement), _log.Pinned);

    public void Dispose()
    {
        _host.Dispose();
        _agreement.Dispose();
    }

    [Fact]
    public async Task Jobs_arrive_in_the_order_they_were_sent_in()
    {
        Assert.Null(await Receiver.ReadAsync(0, default));
        for (var n = 0; n < 3; n++) Assert.Equal(n, await Sender.SendAsync(Host, Job($"job {n}"), n == 1 ? 1 : null, default));
        for (var n = 0; n < 3; n++) Assert.Equal($"job {n}", (await Receiver.ReadAsync(n, default))!.Job!.Id);
        Assert.Null(await Receiver.ReadAsync(3, default));
    }

    [Fact]
    public async Task Only_the_host_opens_its_jobs()
    {
        await Sender.SendAsync(Host, Job("secret"), null, default);
        using var other = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256);
        var got = await new JobReceiver(_work, Host.Thumbprint, new AgreementKey(other), _log.Pinned).ReadAsync(0, default);
        Assert.Null(got!.Job);
        Assert.Contains("none of the 1 keys", got.Junk!.Reason);
        Assert.DoesNotContain("secret", System.Text.Encoding.Latin1.GetString(_work.Bytes(_work.Names.Single())));
    }

    [Fact]
    public async Task What_the_control_plane_did_not_sign_is_junk_and_stands_in_nobodys_way()
    {
        var forger = new JobSender(_work, _host);
        await forger.SendAsync(Host, Job("forged"), null, default);
        _work.Overwrite(BlobNames.Job(Host.Thumbprint.ToString(), 1), [1, 2, 3]);
        _work.Overwrite(BlobNames.Job(Host.Thumbprint.ToString(), 4_000_000_000_000), [1]);
        Assert.Equal(2, await Sender.SendAsync(Host, Job("true"), null, default));
        Assert.Equal(3, await Sender.SendAsync(Host, Job("more"), null, default));
        Assert.Contains("expected that of the control plane", (await Receiver.ReadAsync(0, default))!.Junk!.Reason);
        Assert.NotNull((await Receiver.ReadAsync(1, default))!.Junk);
        Assert.Equal("true", (await Receiver.ReadAsync(2, default))!.Job!.Id);
    }

    [Fact]
    public async Task A_job_of_another_host_or_number_is_junk()
    {
        await Sender.SendAsync(Host, Job("one"), null, default);
        var bytes = _work.Bytes(_work.Names.Single());
        _work.Overwrite(BlobNames.Job(Host.Thumbprint.ToString(), 1), bytes);
        Assert.Contains("was sealed as", (await Receiver.ReadAsync(1, default))!.Junk!.Reason);
    }

    [Fact]
    public async Task After_old_jobs_were_deleted_numbers_go_on_and_are_found()
    {
        for (var n = 0; n < 3; n++) await Sender.SendAsync(Host, Job($"{n}"), null, default);
        _work.Lose(BlobNames.Job(Host.Thumbprint.ToString(), 0));
        _work.Lose(BlobNames.Job(Host.Thumbprint.ToString(), 1));
        Assert.Equal(2, await Receiver.FindAsync(0, default));
        Assert.Null(await Receiver.FindAsync(3, default));
        Assert.Equal(3, await Sender.SendAsync(Host, Job("3"), null, default));
    }

    [Fact]
    public async Task A_job_whose_answer_was_lost_is_not_sent_twice()
    {
        var store = new HookedStore(_work) { OnCreate = async (_, create) => await create() == CreateOutcome.Created ? CreateOutcome.Exists : CreateOutcome.Exists };
        Assert.Equal(0, await new JobSender(store, _log.ControlPlane).SendAsync(Host, Job("once"), null, default));
        Assert.Single(_work.Names);
    }

    [Fact]
    public async Task A_report_arrives_with_who_sent_it()
    {
        var next = await ReportAsync(_host, 0);
        Assert.Equal(1, next);
        Assert.Equal(2, await ReportAsync(_host, 0)); // the number was forgotten
        var reader = new ReportReader(_work, Sealed.ControlPlane);
        var names = new List<string>();
        await foreach (var name in reader.ListAsync(default)) names.Add(name);
        Assert.Equal(2, names.Count);
        var read = await reader.ReadAsync(names[0], _state, default);
        Assert.Equal(("db1", "a disk"), (read!.Host!.Name, read.Report!.DamagedWal.Reason));
        Assert.Equal(LogWorld.Noon.Microseconds, read.Report.Time);
        Assert.True(await reader.DeleteAsync(read, default));
        Assert.Null(await reader.ReadAsync(names[0], _state, default));
    }

    [Fact]
    public async Task Reports_of_strangers_of_the_revoked_and_under_anothers_name_are_junk()
    {
        using var stranger = EcSigningKey.Generate();
        await ReportAsync(stranger, 0);
        await ReportAsync(_host, 0);
        var reader = new ReportReader(_work, Sealed.ControlPlane);
        var (mine, theirs) = (BlobNames.Report(Host.Thumbprint.ToString(), 0), BlobNames.Report(stranger.PublicKey.Thumbprint.ToString(), 0));
        Assert.Contains("no host was registered", (await reader.ReadAsync(theirs, _state, default))!.Junk!.Reason);
        var revoked = _log.Fold(_state, new HostRevoked(Host.Thumbprint, "gone", []));
        Assert.Contains("was revoked", (await reader.ReadAsync(mine, revoked, default))!.Junk!.Reason);
        var moved = BlobNames.Report(Host.Thumbprint.ToString(), 7);
        _work.Overwrite(moved, _work.Bytes(mine));
        Assert.Contains("was sealed as", (await reader.ReadAsync(moved, _state, default))!.Junk!.Reason);
        _work.Overwrite(moved, _work.Bytes(theirs));
        Assert.NotNull((await reader.ReadAsync(moved, _state, default))!.Junk);
        foreach (var name in (string[])["x", "report/x/1", $"report/{Host.Thumbprint}/01", $"report/{Host.Thumbprint}/1/2", "report/" + new string('*', 43) + "/1"])
            Assert.NotNull((await reader.ReadAsync(name, _state, default))!.Junk);
    }

    private Task<long> ReportAsync(EcSigningKey key, long from)
    {
        using var run = Sealed.Run();
        var report = new Wire.Report { DamagedWal = new Wire.DamagedWal { Reason = "a disk" } };
        return new ReportSender(_work, null, new FixedTime()).SendAsync(new ObjectSealer(run, key), report, from, _ => { }, default);
    }

    private static Wire.Job Job(string id) => new() { Id = id, Backup = new Wire.BackupJob { Label = "20261123-120000F", Attempt = 1 } };

    private sealed class FixedTime : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => LogWorld.Noon.ToDateTimeOffset();
    }
}
