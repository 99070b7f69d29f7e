using System.Globalization;
using System.Text;
using Holdfast.Agent.Host;
using Holdfast.Core.Postgres;

namespace Holdfast.Agent.ArchivePush;

/// <summary>How often a segment failed judgement, remembered between calls of archive_command.</summary>
public sealed class FailedJudgements(StateFolder state, WalSegmentName segment)
{
    /// <summary>After so many, damage is not a torn read.</summary>
    public const int Limit = 3;

    private string FileName => $"damaged/{segment}";

    /// <summary>So far.</summary>
    public int Count { get; private set; } = int.TryParse(Encoding.ASCII.GetString(state.Read($"damaged/{segment}", 16) ?? []), NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? count : 0;

    /// <summary>One more; returns how many now.</summary>
    public int Add()
    {
        state.Write(FileName, Encoding.ASCII.GetBytes((++Count).ToString(CultureInfo.InvariantCulture)));
        return Count;
    }

    /// <summary>The segment is stored.</summary>
    public void Forget()
    {
        if (Count > 0) state.Remove(FileName);
        Count = 0;
    }
}
