using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Azure.Storage.Sas;
using Holdfast.Core;
using Holdfast.Core.Repository;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Core.Repository;

[Collection(AzuriteCollection.Name)]
public class BlobServicesTests(SharedAzurite azurite)
{
    private static readonly CancellationToken None = CancellationToken.None;
    private static readonly BlobContent Content = BlobContent.From(new byte[] { 1, 2, 3 });

    [NeedsFact(Needs.Azurite)]
    public async Task Init_makes_what_is_missing_and_can_be_repeated()
    {
        using var services = BlobServices.Open(azurite.NewCluster());
        var names = services.Names;
        Assert.True(await services.Admin.CreateContainerAsync(names.Log, None));
        Assert.Equal([names.Data, names.Catalog, names.Work, names.ReportsQueue, names.JournalTable], await services.Admin.CreateAllAsync(None));
        Assert.Empty(await services.Admin.CreateAllAsync(None));
        foreach (var store in (IObjectStore[])[services.Data, services.Log, services.Catalog, services.Work])
            Assert.Equal(CreateOutcome.Created, await store.CreateAsync("x", Content, None));
    }

    [NeedsFact(Needs.Azurite)]
    public async Task A_token_that_may_create_and_read_can_do_no_more()
    {
        var settings = azurite.NewCluster();
        using var owner = BlobServices.Open(settings);
        await owner.Admin.CreateContainerAsync(settings.Names.Data, None);
        using var host = BlobServices.Open(settings with { Credential = await SasAsync(owner, "cr", TimeSpan.FromHours(1)) });
        Assert.Equal(CreateOutcome.Created, await host.Data.CreateAsync("x", Content, None));
        Assert.Equal(CreateOutcome.Exists, await host.Data.CreateAsync("x", Content, None));
        var properties = await host.Data.GetPropertiesAsync("x", None);
        Assert.Null(await host.Data.GetPropertiesAsync("absent", None));
        Assert.Null(await host.Data.ReadAsync("absent", 0, 10, None));
        Assert.Equal(403, (await Assert.ThrowsAsync<StoreCallException>(() => host.Data.DeleteAsync("x", properties!.ETag, None))).Status);
        Assert.Throws<ConfigurationException>(() => host.Log);
        await Assert.ThrowsAsync<ConfigurationException>(() => host.Admin.CreateSasAsync(settings.Names.Data, BlobContainerSasPermissions.Read, DateTimeOffset.MaxValue, None));
    }

    [NeedsFact(Needs.Azurite)]
    public async Task An_expired_token_is_a_refusal_with_a_hint()
    {
        var settings = azurite.NewCluster();
        using var owner = BlobServices.Open(settings);
        await owner.Admin.CreateContainerAsync(settings.Names.Data, None);
        using var host = BlobServices.Open(settings with { Credential = await SasAsync(owner, "cr", TimeSpan.FromHours(-1)) });
        var failure = await Assert.ThrowsAsync<StoreCallException>(() => host.Data.CreateAsync("x", Content, None));
        Assert.Equal(403, failure.Status);
        Assert.Contains("The SAS token expired at", failure.Hint, StringComparison.Ordinal);
    }

    [NeedsFact(Needs.Azurite)]
    public async Task A_missing_container_is_never_an_absent_blob()
    {
        using var services = BlobServices.Open(azurite.NewCluster());
        foreach (var call in (Func<Task>[])[
            () => services.Data.ReadAsync("x", 0, 1, None), () => services.Data.GetPropertiesAsync("x", None), () => services.Data.CreateAsync("x", Content, None),
            () => services.Data.DeleteAsync("x", "\"1\"", None), async () => await services.Data.ListAsync("", None).ToListAsync()])
        {
            var failure = await Assert.ThrowsAsync<StoreCallException>(call);
            Assert.Equal((404, "ContainerNotFound"), (failure.Status, failure.ErrorCode));
            Assert.Contains(services.Names.Data, failure.Message, StringComparison.Ordinal);
            Assert.Contains("holdfast init", failure.Hint, StringComparison.Ordinal);
        }
    }

    [NeedsFact(Needs.Azurite)]
    public async Task A_connection_string_will_do()
    {
        var settings = azurite.NewCluster();
        using var services = BlobServices.Open(settings with
        {
            Credential = new StoreCredential.ConnectionString(azurite.Server.ConnectionString),
            Endpoint = null,
            QueueEndpoint = null,
        });
        Assert.Equal(6, (await services.Admin.CreateAllAsync(None)).Count);
        Assert.Contains("sp=a", services.Admin.CreateReportsSas(process: false, DateTimeOffset.UtcNow.AddHours(1)), StringComparison.Ordinal);
        Assert.Contains("sp=p", services.Admin.CreateReportsSas(process: true, DateTimeOffset.UtcNow.AddHours(1)), StringComparison.Ordinal);
    }

    [NeedsFact(Needs.Azurite)]
    public async Task An_unknown_authority_is_refused_at_once()
    {
        using var services = BlobServices.Open(azurite.NewCluster() with { CaFile = null });
        var failure = await Assert.ThrowsAsync<StoreCallException>(() => services.Data.GetPropertiesAsync("x", None));
        Assert.Equal(1, failure.Attempts);
        Assert.Contains("repo-ca-file", failure.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_trusted_certificate_of_another_name_is_refused()
    {
        using var folder = new ScratchFolder();
        var certificate = new LoopbackCertificate(folder.Path); // for localhost and 127.0.0.1
        var failure = await RefusedByAsync(certificate, "127.0.0.2");
        Assert.Contains("RemoteCertificateNameMismatch", failure.Message, StringComparison.Ordinal);
        Assert.Contains("repo-ca-file", failure.Hint, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1, 30, "this host's clock is behind")]
    [InlineData(-30, -1, "certificate has expired")]
    public async Task A_certificate_that_is_not_valid_now_is_told_by_its_dates_and_this_hosts_clock(
        int fromDays, int untilDays, string hint)
    {
        using var folder = new ScratchFolder();
        var (from, until) = (DateTimeOffset.UtcNow.AddDays(fromDays), DateTimeOffset.UtcNow.AddDays(untilDays));
        var failure = await RefusedByAsync(new LoopbackCertificate(folder.Path, from: from, until: until), "127.0.0.1");
        Assert.Contains("NotTimeValid", failure.Message, StringComparison.Ordinal);
        Assert.Contains($"CN=localhost is valid from {from:yyyy-MM-dd HH:mm}", failure.Message, StringComparison.Ordinal);
        Assert.Contains($"to {until:yyyy-MM-dd HH:mm}", failure.Message, StringComparison.Ordinal);
        Assert.Contains($"this host's clock says {DateTimeOffset.UtcNow:yyyy-MM-dd}", failure.Message, StringComparison.Ordinal);
        Assert.Contains(hint, failure.Hint, StringComparison.OrdinalIgnoreCase);
    }

    private static async Task<StoreCallException> RefusedByAsync(LoopbackCertificate certificate, string address)
    {
        using var server = X509Certificate2.CreateFromPemFile(certificate.ServerFile, certificate.KeyFile);
        using var listener = new TcpListener(IPAddress.Parse(address), 0);
        listener.Start();
        var handshake = Task.Run(async () =>
        {
            using var client = await listener.AcceptTcpClientAsync();
            await using var tls = new SslStream(client.GetStream());
            await tls.AuthenticateAsServerAsync(server);
            _ = await tls.ReadAsync(new byte[1]);
        });
        using var services = BlobServices.Open(Local() with { Endpoint = new Uri($"https://{listener.LocalEndpoint}/a"), CaFile = certificate.CaFile });
        var failure = await Assert.ThrowsAsync<StoreCallException>(() => services.Data.GetPropertiesAsync("x", None));
        try
        {
            await handshake;
        }
        catch (Exception e) when (e is IOException or AuthenticationException)
        {
            // the client went away, as it should
        }
        return failure;
    }

    [Theory]
    [InlineData("http://example.org/a")]
    [InlineData("ftp://127.0.0.1/a")]
    [InlineData("https://user@example.org/")]
    [InlineData("https://example.org/?sv=1&sig=SECRET")]
    public void Only_https_or_this_machine_is_an_endpoint(string endpoint)
    {
        using var services = BlobServices.Open(Local() with { Endpoint = new Uri(endpoint) });
        var failure = Assert.Throws<ConfigurationException>(() => services.Data);
        Assert.DoesNotContain("SECRET", failure.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_malformed_credential_is_not_quoted()
    {
        foreach (var credential in (StoreCredential[])[
            new StoreCredential.ConnectionString("AccountName=a;AccountKey=SECRET;BlobEndpoint=https://example.org"),
            new StoreCredential.ConnectionString("SECRET"),
            new StoreCredential.SharedKey("a", "SECRET-not-base64")])
        {
            using var services = BlobServices.Open(Local() with { Credential = credential });
            var failure = Assert.Throws<ConfigurationException>(() => services.Data);
            Assert.DoesNotContain("SECRET", failure.ToString(), StringComparison.Ordinal);
            Assert.DoesNotContain("SECRET", (Local() with { Credential = credential }).ToString(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_ca_file_that_holds_nothing_is_refused()
    {
        using var folder = new ScratchFolder();
        File.WriteAllText(folder["empty.pem"], "");
        foreach (var name in (string[])["empty.pem", "missing.pem"])
            Assert.Contains(name, Assert.Throws<ConfigurationException>(() => BlobServices.Open(Local() with { CaFile = folder[name] })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_queues_url_follows_from_the_blobs_url()
    {
        using var services = BlobServices.Open(Local() with { Endpoint = new Uri("https://acct.blob.core.windows.net/") });
        Assert.Equal(new Uri("https://acct.queue.core.windows.net/demo-reports"), services.ReportsQueue().Uri);
        Assert.Equal("https://acct.blob.core.windows.net/demo-data", services.Data.DisplayName);
    }

    [Fact]
    public void Identities_are_chosen_by_name()
    {
        foreach (var credential in (StoreCredential[])[
            new StoreCredential.ManagedIdentity(), new StoreCredential.ManagedIdentity(Guid.Empty.ToString()),
            new StoreCredential.WorkloadIdentity("t", "c", "/token"), new StoreCredential.ClientSecret("t", "c", "s")])
        {
            using var services = BlobServices.Open(Local() with { Credential = credential, Endpoint = new Uri("https://acct.blob.core.windows.net") });
            Assert.Equal(credential.GetType().Name + "Credential", services.TokenCredential!.GetType().Name);
            Assert.EndsWith("/demo-data", services.Data.DisplayName, StringComparison.Ordinal);
        }
    }

    private static StoreSettings Local() => new()
    {
        Names = new ContainerNames("demo"),
        Credential = new StoreCredential.SharedKey("a", "c2VjcmV0"),
        Endpoint = new Uri("https://127.0.0.1:1/a"),
    };

    private static async Task<StoreCredential> SasAsync(BlobServices owner, string permissions, TimeSpan life)
    {
        var rights = permissions == "cr" ? BlobContainerSasPermissions.Create | BlobContainerSasPermissions.Read : BlobContainerSasPermissions.All;
        return new StoreCredential.ContainerSas(await owner.Admin.CreateSasAsync(owner.Names.Data, rights, DateTimeOffset.UtcNow + life, None), null, null, null);
    }
}
