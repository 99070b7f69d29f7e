using Holdfast.Core.Postgres;

namespace Holdfast.Tests.Core.Postgres;

/// <summary>Keeps what a visitor sees.</summary>
internal sealed class WalRecordCollector : IWalRecordVisitor
{
    public sealed record Seen(Lsn Start, Lsn End, WalRecordHeader Header, WalBlockReference[] Blocks, int MainLength);

    public List<Seen> Records { get; } = [];

    public void Visit(in WalRecord record) =>
        Records.Add(new Seen(record.Start, record.End, record.Header, record.Blocks.ToArray(), record.MainData.Length));
}
