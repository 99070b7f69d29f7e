using System.Diagnostics;
using System.Globalization;

namespace Holdfast.Agent.Backup;

/// <summary>Where the time of workers went, in ticks of <see cref="Stopwatch"/>.</summary>
internal struct ReadingTimes
{
    /// <summary>Reading files.</summary>
    public long Read;

    /// <summary>Verifying page checksums.</summary>
    public long Verify;

    /// <summary>CRC, fingerprint, compression.</summary>
    public long Pack;

    /// <summary>Encryption, hashing and signing of finished packs.</summary>
    public long Seal;

    /// <summary>Waiting for the pack before to be stored.</summary>
    public long Wait;

    /// <summary>The sum.</summary>
    public static ReadingTimes operator +(ReadingTimes a, ReadingTimes b) =>
        new() { Read = a.Read + b.Read, Verify = a.Verify + b.Verify, Pack = a.Pack + b.Pack, Seal = a.Seal + b.Seal, Wait = a.Wait + b.Wait };

    /// <inheritdoc/>
    public override readonly string ToString() =>
        $"timing_ms read={Milliseconds(Read)} verify={Milliseconds(Verify)} pack={Milliseconds(Pack)} seal={Milliseconds(Seal)} wait={Milliseconds(Wait)}";

    private static string Milliseconds(long ticks) => (ticks * 1000.0 / Stopwatch.Frequency).ToString("0", CultureInfo.InvariantCulture);
}
