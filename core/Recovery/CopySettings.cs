using System.Globalization;
using System.Text.RegularExpressions;
using Holdfast.Core.Postgres;

namespace Holdfast.Core.Recovery;

/// <summary>A setting of the original that does not count in the copy.</summary>
/// <param name="Name">In lower case.</param>
/// <param name="Where">File and line on the server that was backed up; empty: in no file that was captured.</param>
/// <param name="Was">Its value, passwords masked.</param>
/// <param name="Now">What counts; null: PostgreSQL's default.</param>
public sealed record OverriddenSetting(string Name, string Where, string Was, string? Now);

/// <summary>
/// What a restored copy must be told whatever its files say, so that it reaches out to nothing, is held up by nothing and recovers. A server
/// refuses settings that its major does not know, so each is written only where it is known.
/// </summary>
/// <param name="major">PostgreSQL's.</param>
/// <param name="adopts">Whether the copy is to take over from the original.</param>
public sealed partial class CopySettings(int major, bool adopts)
{
    private const int Ever = int.MaxValue;

    /// <param name="Name">The setting.</param>
    /// <param name="Safe">What the copy gets.</param>
    /// <param name="Since">The first major that knows it.</param>
    /// <param name="Until">The last one.</param>
    /// <param name="Always">Written also where no file sets it; else only where one does.</param>
    private sealed record Rule(string Name, string Safe, bool Always = false, int Since = 0, int Until = Ever);

    // What ends, delays or redirects recovery; what would reach the original's standbys, publishers and files.
    private static readonly Rule[] Rules =
    [
        new("recovery_min_apply_delay", "0", Always: true),
        new("recovery_end_command", "", Always: true),
        new("archive_cleanup_command", "", Always: true),
        new("primary_conninfo", "", Always: true),
        new("primary_slot_name", "", Always: true),
        new("promote_trigger_file", "", Until: 15),
        new("sync_replication_slots", "off", Since: 17),
        new("synchronized_standby_slots", "", Since: 17),
        new("synchronous_standby_names", ""),
    ];

    // Folders that a server writes to; a relative one lies in its data directory.
    private static readonly Rule[] Folders = [new("log_directory", "log"), new("stats_temp_directory", "pg_stat_tmp", Until: 14)];

    private static readonly string[] Targets =
        ["recovery_target", "recovery_target_lsn", "recovery_target_name", "recovery_target_time", "recovery_target_xid"];

    private readonly List<(string Name, string Value)> _settings = [];
    private readonly List<OverriddenSetting> _overridden = [];

    /// <summary>For postgresql.auto.conf, in the order in which they must be set.</summary>
    public IReadOnlyList<(string Name, string Value)> Settings => _settings;

    /// <summary>What of the original's counts no more.</summary>
    public IReadOnlyList<OverriddenSetting> Overridden => _overridden;

    /// <summary>Settings that let recovery end where the plan said: all of them, those without a use empty.</summary>
    /// <param name="planned">The target, the timeline, whether inclusive, the action.</param>
    public static IReadOnlyList<(string Name, string Value)> Recovery(IReadOnlyList<(string Name, string Value)> planned)
    {
        ArgumentNullException.ThrowIfNull(planned);
        var known = planned.Select(setting => setting.Name).ToHashSet();
        var settings = new List<(string, string)>();
        // The empty ones first: with a target set, PostgreSQL takes even an empty one of another kind for a second (error_multiple_recovery_targets).
        foreach (var name in Targets)
            if (!known.Contains(name)) settings.Add((name, ""));
        if (!known.Contains("recovery_target_inclusive")) settings.Add(("recovery_target_inclusive", "on"));
        if (!known.Contains("recovery_target_action")) settings.Add(("recovery_target_action", "pause"));
        settings.AddRange(planned);
        return settings;
    }

    /// <summary>Decides.</summary>
    /// <param name="planned">What the restore needs set.</param>
    /// <param name="copy">What the copy's files say.</param>
    /// <param name="control">Its pg_control.</param>
    public void Decide(IEnumerable<(string Name, string Value)> planned, CopyConfiguration copy, ControlFile control)
    {
        ArgumentNullException.ThrowIfNull(copy);
        ArgumentNullException.ThrowIfNull(control);
        _settings.AddRange(planned);
        foreach (var removed in copy.Removed)
            if (!IsDefault(removed)) _overridden.Add(new OverriddenSetting(removed.Name, removed.Where, Masked(removed.Value), Value(removed.Name)));
        foreach (var rule in Rules.Where(Knows))
            if (rule.Always || copy.Settings.ContainsKey(rule.Name)) Add(rule.Name, rule.Safe);
        foreach (var rule in Folders.Where(Knows))
            if (copy.Settings.TryGetValue(rule.Name, out var set) && LeadsOut(set.Value)) Add(rule.Name, rule.Safe);
        // A copy's subscription takes the changes from the slot of the original's.
        if (!adopts) Add("max_logical_replication_workers", "0");
        AddRequired(copy, control);
        NameOverridden(copy);
    }

    // A server whose primary had more refuses to recover (xlogrecovery.c, CheckRequiredParameterValues).
    private void AddRequired(CopyConfiguration copy, ControlFile control)
    {
        Require(copy, "max_connections", 100, control.MaxConnections);
        Require(copy, "max_worker_processes", 8, control.MaxWorkerProcesses);
        Require(copy, "max_wal_senders", 10, control.MaxWalSenders);
        Require(copy, "max_prepared_transactions", 0, control.MaxPreparedTransactions);
        Require(copy, "max_locks_per_transaction", 64, control.MaxLocksPerTransaction);
        if (copy.Settings.TryGetValue("wal_level", out var level) && level.Value.Equals("minimal", StringComparison.OrdinalIgnoreCase))
            Add("wal_level", control.WalLevel == WalLevel.Logical ? "logical" : "replica");
    }

    private void Require(CopyConfiguration copy, string name, int usual, int required)
    {
        var set = copy.Settings.GetValueOrDefault(name);
        var value = set is null ? usual : Number(set.Value);
        if (value is { } known && known >= required) return;
        Add(name, required.ToString(CultureInfo.InvariantCulture));
        if (set is null) _overridden.Add(new OverriddenSetting(name, "", usual.ToString(CultureInfo.InvariantCulture), Value(name)));
    }

    private void NameOverridden(CopyConfiguration copy)
    {
        foreach (var (name, value) in _settings)
            if (copy.Settings.TryGetValue(name, out var set) && !Same(set.Value, value))
                _overridden.Add(new OverriddenSetting(name, set.Where, Masked(set.Value), value));
    }

    private void Add(string name, string value) => _settings.Add((name, value));

    private string? Value(string name) => _settings.FindLast(setting => setting.Name == name).Value;

    private bool Knows(Rule rule) => major >= rule.Since && major <= rule.Until;

    // An empty target is none, and these are what PostgreSQL does anyway.
    private static bool IsDefault(CopySetting setting) =>
        setting.Value.Length == 0 || (setting.Name, setting.Value) is ("recovery_target_timeline", "latest") or ("recovery_target_action", "pause")
            or ("recovery_target_inclusive", "on" or "true");

    private static bool LeadsOut(string folder) => folder.StartsWith('/') || folder.Split('/').Contains("..");

    private static bool Same(string one, string other) => one.Equals(other, StringComparison.OrdinalIgnoreCase)
        || Number(one) is { } number && number == Number(other);

    // strtol's rules, base 0; null where PostgreSQL has others as well.
    private static int? Number(string text)
    {
        if (text.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
            return int.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var hex) ? hex : null;
        if (text.Length > 1 && text[0] == '0') return null;
        return int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : null;
    }

    /// <summary>A value without the secrets that connection strings and commands may have.</summary>
    public static string Masked(string value) => Secret().Replace(value, match => match.Groups[1].Value + match.Groups[2].Value + "***");

    [GeneratedRegex(@"(\w*(?:password|passwd|secret|token|accountkey|sig)\w*\s*=\s*)(?:'(?:[^'\\]|\\.)*'|[^\s'&;]+)|(://[^:/?@\s]*:)[^@\s]*(?=@)", RegexOptions.IgnoreCase)]
    private static partial Regex Secret();
}
