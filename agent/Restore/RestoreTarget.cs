using Holdfast.Agent.Options;
using Holdfast.Core;
using Holdfast.Core.Recovery;

namespace Holdfast.Agent.Restore;

/// <summary>The target that the options name.</summary>
internal static class RestoreTarget
{
    /// <summary>Reads it: one at most.</summary>
    /// <exception cref="ConfigurationException">Two targets, or an exclusiveness that means nothing.</exception>
    public static RecoveryTarget From(ResolvedOptions options)
    {
        var inclusive = !options.Get(OptionTable.TargetExclusive);
        var targets = new List<(OptionRow Row, RecoveryTarget Target)>();
        if (options.TryGet(OptionTable.TargetTime, out var time)) targets.Add((OptionTable.TargetTime, new RecoveryTarget.Time(time, inclusive)));
        if (options.TryGet(OptionTable.TargetXid, out var xid)) targets.Add((OptionTable.TargetXid, new RecoveryTarget.Transaction(xid, inclusive)));
        if (options.TryGet(OptionTable.TargetLsn, out var lsn)) targets.Add((OptionTable.TargetLsn, new RecoveryTarget.AtLsn(lsn, inclusive)));
        if (options.TryGet(OptionTable.TargetName, out var name)) targets.Add((OptionTable.TargetName, new RecoveryTarget.RestorePoint(name)));
        if (options.Get(OptionTable.TargetImmediate)) targets.Add((OptionTable.TargetImmediate, new RecoveryTarget.Immediate()));
        if (targets.Count > 1) throw new ConfigurationException($"{string.Join(" and ", targets.Select(one => one.Row.Flag))}: there can be one target only", "leave the others out");
        if (!inclusive && (targets.Count == 0 || targets[0].Row == OptionTable.TargetName || targets[0].Row == OptionTable.TargetImmediate))
            throw new ConfigurationException("--target-exclusive: there is nothing to stop before", "it goes with --target-time, --target-xid or --target-lsn");
        return targets.Count == 0 ? new RecoveryTarget.Latest() : targets[0].Target;
    }
}
