using Azure;
using Azure.Storage.Blobs;
using Holdfast.Agent.CommandLine;
using Holdfast.Agent.ControlPlane;
using Holdfast.Agent.Host;
using Holdfast.Agent.Init;
using Holdfast.Agent.Options;
using Holdfast.Agent.Register;
using Holdfast.Agent.Terminal;
using Holdfast.Core.Api;
using Holdfast.Core.Enrolment;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Integration;

/// <summary>From nothing to an archive, against real servers: init, register, token, revoke, and what each role may do.</summary>
[Collection(AzuriteCollection.Name)]
public sealed class InitRegisterTests(SharedAzurite azurite)
{
    [NeedsFact(Needs.Azurite)]
    public async Task Init_makes_a_cluster_and_changes_nothing_the_second_time()
    {
        using var world = new ArchiveWorld(azurite.Server);
        Assert.Contains($"cluster {world.Cluster} is made", await world.InitAsync(), StringComparison.Ordinal);
        var before = Snapshot(world.Keys);
        Assert.Contains("exists and is whole", await world.InitAsync(), StringComparison.Ordinal);
        Assert.Equal(before, Snapshot(world.Keys));
        Assert.All(Directory.GetFiles(world.Keys, "*", SearchOption.AllDirectories),
            file => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file)));
        Assert.All(Directory.GetDirectories(world.Keys), folder => Assert.Equal("-rwx", Mode(folder)));
        var view = await world.ReadLogAsync();
        Assert.Equal(0, view.Head.Number);
        Assert.Contains(view.Head.Hash.ToString(), File.ReadAllText(Path.Combine(world.Keys, "recovery-kit.json")), StringComparison.Ordinal);
        Assert.DoesNotContain("sig=", File.ReadAllText(Path.Combine(world.Keys, "recovery-kit.json")), StringComparison.Ordinal);
    }

    [NeedsFact(Needs.Azurite)]
    public async Task Init_without_a_terminal_shows_the_plan_and_makes_nothing()
    {
        using var world = new ArchiveWorld(azurite.Server);
        var error = await world.FailsAsync(2, ["init", .. world.InitWords]);
        Assert.Contains($"{world.Cluster}-data, {world.Cluster}-log, {world.Cluster}-catalog, {world.Cluster}-work", error, StringComparison.Ordinal);
        Assert.Contains("HINT: if the plan above is right, run the same again with --yes", error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(world.Keys));
    }

    [NeedsFact(Needs.Azurite)]
    public async Task Init_refuses_a_cluster_that_was_made_with_other_keys()
    {
        using var world = new ArchiveWorld(azurite.Server);
        await world.InitAsync();
        Directory.Move(world.Keys, world.Keys + ".elsewhere");
        Assert.Contains($"cluster {world.Cluster} exists already", await world.FailsAsync(3, ["init", "--yes", .. world.InitWords]), StringComparison.Ordinal);
        Assert.False(Directory.Exists(world.Keys));
    }

    [NeedsFact(Needs.Azurite)]
    public async Task Init_that_dies_after_each_file_and_blob_goes_on_with_the_keys_that_are_there()
    {
        using var world = new ArchiveWorld(azurite.Server);
        var reached = new List<string>();
        for (var died = true; died;)
        {
            died = false;
            var before = Snapshot(world.Keys);
            try { await InitAsync(world, step => { if (!reached.Contains(step)) { reached.Add(step); throw new OperationCanceledException(step); } }); }
            catch (OperationCanceledException) { died = true; }
            Assert.All(before, file => Assert.Contains(file, Snapshot(world.Keys)));
        }
        Assert.True(reached.IndexOf("recovery-kit.json") > reached.IndexOf("log/0000000000"));
        Assert.All(reached.Where(step => step.EndsWith(".jwk", StringComparison.Ordinal) || step.EndsWith(".conf", StringComparison.Ordinal)),
            step => Assert.True(reached.IndexOf(step) < reached.IndexOf("log/0000000000"), $"{step} was written after the log"));
        Assert.Equal(23, reached.Count);
        await world.ReadLogAsync();
    }

    [NeedsFact(Needs.Azurite)]
    public async Task Init_makes_a_configuration_anew_that_was_removed_and_no_key()
    {
        using var world = new ArchiveWorld(azurite.Server);
        await world.InitAsync();
        File.Delete(world.Configuration("agent"));
        File.Delete(Path.Combine(world.Keys, "agent", "enrolment-token"));
        var before = Snapshot(world.Keys);
        Assert.Contains("made again: agent/holdfast.conf", await world.InitAsync(), StringComparison.Ordinal);
        Assert.All(before, file => Assert.Contains(file, Snapshot(world.Keys)));
        Assert.Null(world.Options("agent").SourceOf(OptionTable.EnrolmentTokenFile));

        File.Delete(world.Configuration("restorer"));
        File.Delete(Path.Combine(world.Keys, "restorer", "content.jwk"));
        File.Delete(Path.Combine(world.Keys, "agent", "content.jwk"));
        Assert.Contains("a new key would not be the cluster's", await world.FailsAsync(2, ["init", "--yes", .. world.InitWords]), StringComparison.Ordinal);
        Assert.Equal(0, (await world.ReadLogAsync()).Head.Number);
    }

    [NeedsFact(Needs.Azurite)]
    public async Task Init_takes_a_public_key_whose_private_half_is_kept_elsewhere()
    {
        using var world = new ArchiveWorld(azurite.Server);
        using var key = RsaKey.Generate();
        File.WriteAllBytes(world["content.jwk"], JsonWebKey.Write(key, withPrivate: false));
        await world.MustAsync(["init", "--yes", $"--content-key-file={world["content.jwk"]}", .. world.InitWords]);
        Assert.Equal(key.Thumbprint, (await world.ReadLogAsync()).State.Cluster!.ContentKey.Thumbprint);
        Assert.False(File.Exists(Path.Combine(world.Keys, "restorer", "content.jwk")));
        Assert.Null(world.Options("restorer").SourceOf(OptionTable.ContentPrivateKeyFile));
        Assert.Equal(Path.Combine(world.Keys, "agent", "content.jwk"), world.Options("agent").Get(OptionTable.ContentKeyFile));
    }

    [NeedsFact(Needs.Azurite | Needs.Postgres)]
    public async Task From_init_to_the_same_bytes_back()
    {
        using var world = new ArchiveWorld(azurite.Server);
        await world.InitAsync();
        await using var server = await ArchiveWorld.StartServerAsync();
        var segment = await ArchiveWorld.FinishSegmentAsync(server);
        Assert.Contains("HINT: register it", await world.FailsAsync(3, ["archive-push", .. world.Host(server), world.Spool, $"pg_wal/{segment}"]), StringComparison.Ordinal);
        Assert.Contains("HINT: is it running?", await world.FailsAsync(4, ["register", .. world.Host(server), "--control-plane-url=http://127.0.0.1:9"]), StringComparison.Ordinal);

        var output = await world.RegisterAsync(server);
        Assert.Contains($"archive_command = 'holdfast archive-push --config={world.Configuration("agent")} --state-path={world["state"]} %p'", output, StringComparison.Ordinal);
        await world.PushReadyAsync(server);
        var mistaken = await world.FailsAsync(2, ["archive-push", .. world.Host(server), world.Spool, segment]);
        Assert.Contains("was given the file's name (%f), it takes its path (%p)", mistaken, StringComparison.Ordinal);
        Assert.Contains("HINT: in postgresql.conf: archive_command = 'holdfast archive-push %p'", mistaken, StringComparison.Ordinal);

        var destination = world["fetched"];
        await world.MustAsync(["archive-get", .. world.Host(server, "restorer", "restorer"), world.Spool, segment, destination]);
        Assert.Equal(File.ReadAllBytes(Path.Combine(server.DataFolder, "pg_wal", segment)), File.ReadAllBytes(destination));
        Assert.Contains("holds no restorer's key", await world.FailsAsync(126, ["archive-get", .. world.Host(server), world.Spool, segment, destination]), StringComparison.Ordinal);
    }

    [NeedsFact(Needs.Azurite | Needs.Postgres)]
    public async Task Register_again_is_answered_again_also_when_the_answer_was_lost()
    {
        using var world = new ArchiveWorld(azurite.Server);
        await world.InitAsync();
        await using var server = await ArchiveWorld.StartServerAsync();
        await server.StopAsync();
        await RegisterAndLoseTheAnswerAsync(world, server);
        Assert.Single((await world.ReadLogAsync()).State.Hosts);
        Assert.False(File.Exists(world["state", world.Cluster, "equality.key"]));

        Assert.Contains("is registered for cluster", await world.RegisterAsync(server), StringComparison.Ordinal);
        Assert.True(File.Exists(world["state", world.Cluster, "equality.key"]));
        Assert.Contains("was registered already", await world.RegisterAsync(server), StringComparison.Ordinal);
        var host = Assert.Single((await world.ReadLogAsync()).State.Hosts);
        Assert.Equal(1, host.Entry);
        Assert.Equal(FileOwner.Of(server.DataFolder), FileOwner.Of(world["state", world.Cluster, "signing.jwk"]));
    }

    [NeedsFact(Needs.Azurite | Needs.Postgres)]
    public async Task A_token_registers_one_host_and_another_needs_one_of_its_own()
    {
        using var world = new ArchiveWorld(azurite.Server);
        await world.InitAsync();
        await using var server = await ArchiveWorld.StartServerAsync();
        await world.RegisterAsync(server);
        Assert.Contains("the enrolment token was used by key", await world.FailsAsync(3, ["register", .. world.Named(server, "second"), world.ControlPlane]), StringComparison.Ordinal);

        var drill = (await world.MustAsync("token", world.ControlPlane, "--role=drill")).Trim();
        File.WriteAllText(Path.Combine(world.Keys, "agent", "enrolment-token"), drill);
        Assert.Contains("is for role drill, not database", await world.FailsAsync(3, ["register", .. world.Named(server, "second"), world.ControlPlane]), StringComparison.Ordinal);
        Assert.Contains("registered another host by that name", await SameNameAsync(world, server), StringComparison.Ordinal);
        var token = await world.RenewTokenAsync();
        await world.RegisterAsync(server, "second");
        Assert.Equal(2, (await world.ReadLogAsync()).State.Hosts.Count);

        await using var other = await ArchiveWorld.StartServerAsync();
        Assert.Contains("is registered for system identifier", await world.FailsAsync(3, ["register", .. world.Host(other), world.ControlPlane]), StringComparison.Ordinal);
        using var elsewhere = new ArchiveWorld(azurite.Server);
        await elsewhere.InitAsync();
        File.WriteAllText(Path.Combine(elsewhere.Keys, "agent", "enrolment-token"), token);
        Assert.Contains("was never issued by this cluster", await elsewhere.FailsAsync(3, ["register", .. elsewhere.Host(server), elsewhere.ControlPlane]), StringComparison.Ordinal);
    }

    // After pg_upgrade or initdb the machine has another system identifier: each refusal leads to the next step.
    [NeedsFact(Needs.Azurite | Needs.Postgres)]
    public async Task A_server_with_another_system_identifier_follows_in_the_cluster_only_with_the_word()
    {
        using var world = new ArchiveWorld(azurite.Server);
        await world.InitAsync();
        await using var before = await ArchiveWorld.StartServerAsync();
        var old = await ArchiveWorld.FinishSegmentAsync(before);
        await world.RegisterAsync(before);
        await world.PushReadyAsync(before);
        var name = Assert.Single((await world.ReadLogAsync()).State.Hosts).Name;
        await using var upgraded = await ArchiveWorld.StartServerAsync();

        var foreign = await world.FailsAsync(3, ["register", .. world.Host(upgraded), world.ControlPlane]);
        Assert.Contains($"holdfast revoke {name} --reason=upgraded", foreign, StringComparison.Ordinal);
        await world.MustAsync("revoke", name, "--reason=upgraded", "--yes", world.ControlPlane);
        Directory.Move(world["state"], world["state-of-before"]);
        await world.RenewTokenAsync();
        var refusal = await world.FailsAsync(3, ["register", .. world.Host(upgraded), world.ControlPlane]);
        Assert.Contains("holdfast register --new-system", refusal, StringComparison.Ordinal);
        await world.RegisterAsync(upgraded, "state", "--new-system");

        var segment = await ArchiveWorld.FinishSegmentAsync(upgraded);
        await world.MustAsync(["archive-push", .. world.Host(upgraded), world.Spool, $"pg_wal/{segment}"]);
        await world.MustAsync(["archive-get", .. world.Host(before, "restorer", "restorer"), world.Spool, old, world["fetched"]]);
        Assert.Equal(File.ReadAllBytes(Path.Combine(before.DataFolder, "pg_wal", old)), File.ReadAllBytes(world["fetched"]));
    }

    // The second machine of a pair was cloned from the first, its state folder with it: one key on two machines would be one host.
    [NeedsFact(Needs.Azurite | Needs.Postgres)]
    public async Task A_copied_state_folder_is_told_from_this_hosts_own()
    {
        using var world = new ArchiveWorld(azurite.Server);
        await world.InitAsync();
        await using var server = await ArchiveWorld.StartServerAsync();
        await world.RegisterAsync(server);
        var name = Assert.Single((await world.ReadLogAsync()).State.Hosts).Name;
        string[] copied = [.. world.Host(server), "--host-name=db2", world.ControlPlane];

        foreach (var command in (string[][])[["register"], ["adopt", "--yes", world.Spool]])
        {
            var refusal = await world.FailsAsync(3, [.. command, .. copied]);
            Assert.Contains($"holds the keys of host {name}, registered by log entry 1, and this is db2", refusal, StringComparison.Ordinal);
        }
        Assert.Contains("was registered already", await world.RegisterAsync(server), StringComparison.Ordinal);

        // As the hint says: away with the folder, a token, and this host is one of its own.
        Directory.Move(world["state"], world["copied"]);
        var used = await world.FailsAsync(3, ["register", .. copied]);
        Assert.Contains("the enrolment token was used by key", used, StringComparison.Ordinal);
        Assert.Contains("a copied agent/ folder holds the token of the host that it was made for", used, StringComparison.Ordinal);
        await world.RenewTokenAsync();
        await world.MustAsync(["register", .. copied]);
        Assert.Equal([name, "db2"], (await world.ReadLogAsync()).State.Hosts.Select(host => host.Name));
    }

    [NeedsFact(Needs.Azurite | Needs.Postgres)]
    public async Task The_agents_tokens_can_add_and_nothing_else()
    {
        using var world = new ArchiveWorld(azurite.Server);
        await world.InitAsync();
        await using var server = await ArchiveWorld.StartServerAsync();
        await ArchiveWorld.FinishSegmentAsync(server);
        await world.RegisterAsync(server);
        await world.PushReadyAsync(server);
        var options = world.Options("agent");
        var data = Container("data", options.Get(OptionTable.RepoSasData));
        var log = Container("log", options.Get(OptionTable.RepoSasLog));
        var stored = data.GetBlobs().First().Name;

        await Forbidden(() => data.GetBlobClient(stored).UploadAsync(BinaryData.FromString("other"), overwrite: true));
        await Forbidden(() => data.GetBlobClient(stored).DeleteAsync());
        await Forbidden(() => log.GetBlobClient("log/0000000002").UploadAsync(BinaryData.FromString("mine"), overwrite: false));
        await Forbidden(() => log.GetBlobClient("log/0000000000").DeleteAsync());
        await data.GetBlobClient("canary").UploadAsync(BinaryData.FromString("added"), overwrite: false);

        BlobContainerClient Container(string suffix, string sas) => new(new Uri($"{azurite.Server.BlobEndpoint}/{world.Cluster}-{suffix}"), new AzureSasCredential(sas),
            new BlobClientOptions(BlobClientOptions.ServiceVersion.V2024_11_04) { Transport = azurite.Server.CreateTransport() });

        static async Task Forbidden(Func<Task> call) => Assert.Equal(403, (await Assert.ThrowsAsync<RequestFailedException>(call)).Status);
    }

    [NeedsFact(Needs.Azurite | Needs.Postgres)]
    public async Task A_revoked_host_is_refused_and_its_earlier_WAL_stays_good()
    {
        using var world = new ArchiveWorld(azurite.Server);
        await world.InitAsync();
        await using var server = await ArchiveWorld.StartServerAsync();
        var segment = await ArchiveWorld.FinishSegmentAsync(server);
        await world.RegisterAsync(server);
        await world.PushReadyAsync(server);
        var name = (await world.ReadLogAsync()).State.Hosts[0].Name;
        Assert.Contains("HINT: registered and in force: " + name, await world.FailsAsync(3, "revoke", "nobody", "--reason=stolen", "--yes", world.ControlPlane), StringComparison.Ordinal);
        Assert.Contains("is revoked by log entry 2", await world.MustAsync("revoke", name, "--reason=stolen", "--yes", world.ControlPlane), StringComparison.Ordinal);

        var later = await ArchiveWorld.FinishSegmentAsync(server);
        Assert.Contains("this host's key was revoked", await world.FailsAsync(3, ["archive-push", .. world.Host(server), world.Spool, $"pg_wal/{later}"]), StringComparison.Ordinal);
        Assert.Contains("was revoked by log entry 2", await world.FailsAsync(3, ["register", .. world.Host(server), world.ControlPlane]), StringComparison.Ordinal);
        await world.MustAsync(["archive-get", .. world.Host(server, "restorer", "restorer"), world.Spool, segment, world["fetched"]]);
    }

    private static async Task<string> SameNameAsync(ArchiveWorld world, PostgresServer server)
    {
        await world.RenewTokenAsync();
        return await world.FailsAsync(3, ["register", .. world.Host(server, "second"), world.ControlPlane]);
    }

    private static async Task InitAsync(ArchiveWorld world, Action<string> reached)
    {
        var command = new InitCommand { Reached = reached };
        Assert.Equal(0, await command.RunAsync(Context(CommandSet.Init, ["--yes", .. world.InitWords]), default));
    }

    private static async Task RegisterAndLoseTheAnswerAsync(ArchiveWorld world, PostgresServer server)
    {
        var context = Context(CommandSet.Register, [.. world.Host(server), world.ControlPlane]);
        using var repository = Repository.Open(context, TimeSpan.FromSeconds(20));
        using var controlPlane = EmbeddedControlPlane.TryOpen(context)!;
        using var token = EnrolmentToken.Parse(context.Options.Get(OptionTable.EnrolmentToken));
        var data = DataDirectory.Open(context);
        await Assert.ThrowsAsync<OperationCanceledException>(() =>
            new HostRegistration(context, repository, data).RegisterAsync(new LosesAnswers(controlPlane), token, data.StartingPosition(), default));
    }

    private static CommandContext Context(CommandSet command, string[] words)
    {
        var options = OptionResolver.Resolve(command, FlagReader.Read(command, "test", words).Flags, new Dictionary<string, string>());
        return new CommandContext { Options = options, Output = TextWriter.Null, Error = TextWriter.Null, Log = new Log(TextWriter.Null, LogLevel.Error, TimeProvider.System, new SecretFilter()) };
    }

    private static List<(string, string)> Snapshot(string folder) => Directory.Exists(folder)
        ? [.. Directory.GetFiles(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Select(file => (file, Convert.ToHexString(File.ReadAllBytes(file))))]
        : [];

    private static string Mode(string path) => File.GetUnixFileMode(path) == (UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute) ? "-rwx" : "other";

    private sealed class LosesAnswers(IControlPlane inner) : IControlPlane
    {
        public async Task<byte[]> RegisterAsync(byte[] request, CancellationToken cancellationToken)
        {
            await inner.RegisterAsync(request, cancellationToken);
            throw new OperationCanceledException("the answer was lost");
        }

        public string Cluster => inner.Cluster;

        public Task<EnrolmentToken> IssueTokenAsync(HostRole role, CancellationToken cancellationToken) => inner.IssueTokenAsync(role, cancellationToken);

        public Task<RevocationReply> RevokeAsync(RevocationRequest request, CancellationToken cancellationToken) => inner.RevokeAsync(request, cancellationToken);

        public Task<AdoptionReply> AdoptAsync(AdoptionRequest request, CancellationToken cancellationToken) => inner.AdoptAsync(request, cancellationToken);

        public void Dispose() => inner.Dispose();
    }
}
