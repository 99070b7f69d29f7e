using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Holdfast.Agent.Options;
using Holdfast.Agent.Terminal;
using Holdfast.Core.KeyVault;

namespace Holdfast.Agent.Check;

/// <summary>Judges this host's own files and options: nothing here makes a request.</summary>
/// <param name="options">The run's.</param>
/// <param name="now">This host's clock.</param>
/// <param name="findings">Receives what is found.</param>
public sealed class HostJudgement(ResolvedOptions options, DateTimeOffset now, CheckFindings findings)
{
    private const UnixFileMode ForOthers = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    // A month is what a change of credentials takes in many places; authorities are renewed by whoever runs them.
    private static readonly TimeSpan Soon = TimeSpan.FromDays(30), SoonForAuthorities = TimeSpan.FromDays(14);

    private static readonly OptionRow<string>[] PrivateKeys = [OptionTable.ContentPrivateKeyFile, OptionTable.IndexPrivateKeyFile, OptionTable.SigningKeyFile];

    private static readonly OptionRow<KeyVaultKeyId>[] KeysInVault = [OptionTable.ContentKey, OptionTable.EscrowKey, OptionTable.IndexKey, OptionTable.SigningKey];

    private static readonly OptionRow<string>[] PublicKeys = [OptionTable.ContentKeyFile, OptionTable.EscrowKeyFile, OptionTable.IndexKeyFile];

    private static readonly OptionRow<string>[] Tokens =
        [OptionTable.RepoSasData, OptionTable.RepoSasLog, OptionTable.RepoSasCatalog, OptionTable.RepoSasWork, OptionTable.RepoSasQueue, OptionTable.RepoConnectionString];

    /// <summary>Judges all of it.</summary>
    /// <param name="stateFolder">This host's keys.</param>
    /// <param name="dataDirectory">PGDATA; null when it is not known.</param>
    public void Run(string stateFolder, string? dataDirectory)
    {
        PrivateKey();
        Sas();
        Authority();
        State(stateFolder, dataDirectory);
        Spool();
        if (!findings.All.Any(finding => finding.Topic == CheckTopic.Configuration))
            findings.Ok(CheckTopic.Configuration, $"{options.ConfigurationFile}; keys in {stateFolder}");
    }

    /// <summary>When a SAS expires: its <c>se</c> parameter; null when it has none (a stored access policy has it then).</summary>
    internal static DateTimeOffset? ExpiryOf(string token)
    {
        foreach (var part in token.Split('&', '?', ';'))
            if (part.IndexOf("se=", StringComparison.Ordinal) is >= 0 and var at && (at == 0 || part[at - 1] == '=')
                && DateTimeOffset.TryParse(Uri.UnescapeDataString(part[(at + 3)..]), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var expiry))
                return expiry;
        return null;
    }

    private void PrivateKey()
    {
        var held = PrivateKeys.Where(row => options.Find(row) is { } file && File.Exists(file)).Select(row => row.Name)
            .Concat(PublicKeys.Where(row => options.Find(row) is { } file && IsPrivate(file)).Select(row => row.Name))
            .Concat(KeysInVault.Where(row => options.TryGet(row, out _)).Select(row => row.Name)).ToArray();
        if (held.Length == 0) findings.Ok(CheckTopic.Rights, "holds no private key");
        else findings.Warn(CheckTopic.Rights, $"holds private keys: {string.Join(", ", held)}", "a database host needs none of them: keep them with the restorers and the control plane, and take the options out of its configuration");
    }

    private static bool IsPrivate(string file)
    {
        try
        {
            using var key = JsonDocument.Parse(File.ReadAllBytes(file));
            return key.RootElement.ValueKind == JsonValueKind.Object && key.RootElement.TryGetProperty("d", out _);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            return false; // whoever seals with it says what is wrong
        }
    }

    private void Sas()
    {
        foreach (var row in Tokens)
        {
            if (options.Find(row) is not { } token || ExpiryOf(token) is not { } expiry) continue;
            const string Hint = "make new tokens before then: remove the old agent configuration and run holdfast init again, on the operator's machine";
            if (expiry <= now) findings.Fail(CheckTopic.Configuration, $"{row.Name} expired at {Quantity.TimeAgo(expiry, now)}", Hint);
            else if (expiry - now < Soon) findings.Warn(CheckTopic.Configuration, $"{row.Name} expires at {Quantity.TimeAgo(expiry, now)}", Hint);
        }
    }

    private void Authority()
    {
        if (options.Find(OptionTable.RepoCaFile) is not { } file) return;
        var roots = new X509Certificate2Collection();
        try { roots.ImportFromPemFile(file); }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            findings.Fail(CheckTopic.Configuration, $"repo-ca-file {file} cannot be read: {e.Message}", "it must be a PEM file of certificates that this user may read");
            return;
        }
        if (roots.Count == 0) findings.Fail(CheckTopic.Configuration, $"repo-ca-file {file} holds no certificate", "it must be a PEM file of certificates");
        foreach (var root in roots)
        {
            var expiry = new DateTimeOffset(root.NotAfter.ToUniversalTime(), TimeSpan.Zero);
            if (expiry <= now) findings.Fail(CheckTopic.Configuration, $"repo-ca-file {file}: {root.Subject} expired at {Quantity.TimeAgo(expiry, now)}", "replace the certificate");
            else if (expiry - now < SoonForAuthorities) findings.Warn(CheckTopic.Configuration, $"repo-ca-file {file}: {root.Subject} expires at {Quantity.TimeAgo(expiry, now)}", "replace the certificate before then");
            root.Dispose();
        }
    }

    private void State(string folder, string? dataDirectory)
    {
        if (dataDirectory is not null && (folder + "/").StartsWith(dataDirectory.TrimEnd('/') + "/", StringComparison.Ordinal))
            findings.Fail(CheckTopic.Configuration, $"state-path {folder} is in the data directory: this host's keys would be in every backup, and in every copy", "move it, and set state-path");
        if (Mode(folder) is not { } mode) return;
        if ((mode & ForOthers) != 0)
            findings.Fail(CheckTopic.Configuration, $"{folder} has mode {ConfigurationFile.Octal(mode)}, expected 0700: it holds this host's signing key", $"chmod 700 {folder}");
    }

    private void Spool()
    {
        var folder = options.Get(OptionTable.SpoolPath);
        if (Mode(folder) is not { } mode)
        {
            findings.Warn(CheckTopic.Configuration, $"spool-path {folder} does not exist: segments above 64 MiB cannot be archived, and archive-get cannot fetch ahead",
                $"install -d -m 700 -o postgres -g postgres {folder}");
            return;
        }
        if ((mode & UnixFileMode.OtherWrite) != 0) findings.Warn(CheckTopic.Configuration, $"spool-path {folder} has mode {ConfigurationFile.Octal(mode)}: every user of this host can write to it", $"chmod 700 {folder}");
        var file = Path.Combine(folder, $"check-{Environment.ProcessId}");
        try
        {
            File.Create(file).Dispose();
            File.Delete(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            findings.Warn(CheckTopic.Configuration, $"spool-path {folder} cannot be written: {e.Message}", "it must belong to the user that PostgreSQL runs as, and have room");
        }
    }

    private static UnixFileMode? Mode(string folder)
    {
        try { return Directory.Exists(folder) ? File.GetUnixFileMode(folder) : null; }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { return null; }
    }
}
