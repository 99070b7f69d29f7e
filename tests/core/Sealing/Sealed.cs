using Holdfast.Core.Sealing;
using Holdfast.Core.Sealing.Wire;

namespace Holdfast.Tests.Core.Sealing;

/// <summary>Keys made once (RSA keys are slow to make), and the short way from bytes to a sealed object and back.</summary>
internal static class Sealed
{
    public static readonly RsaKey Content = RsaKey.Generate();
    public static readonly RsaKey Escrow = RsaKey.Generate();
    public static readonly RsaKey Index = RsaKey.Generate();
    public static readonly EcSigningKey Host = EcSigningKey.Generate();
    public static readonly EqualityKey Equality = EqualityKey.Generate();

    public static readonly Keyring Restorer = new([(Content.Thumbprint, Content)]);
    public static readonly Keyring ControlPlane = new([(Index.Thumbprint, Index)]);

    public static Recipient[] Recipients =>
    [
        new(SlotPurpose.Content, Content.Thumbprint, Content),
        new(SlotPurpose.Escrow, Escrow.Thumbprint, Escrow),
        new(SlotPurpose.Index, Index.Thumbprint, Index),
    ];

    public static SealingRun Run() => SealingRun.StartAsync(Recipients, CancellationToken.None).GetAwaiter().GetResult();

    public static byte[] Make(byte[] content, SealingRun run, string name = "1/wal/00000001/00000000/000000010000000000000001",
        SealedKind kind = SealedKind.WalSegment, int frameSize = 1 << 16, string? spoolFolder = null)
    {
        using var compressor = new FrameCompressor(() => new ZstdSharpCodec(3), 2, frameSize);
        using var spool = new FrameSpool(spoolFolder is null ? content.Length : long.MaxValue, spoolFolder ?? "");
        foreach (var frame in compressor.Compress(content, null, CancellationToken.None)) spool.Append(frame);
        var what = new SealedContent(kind, name, content.Length, kind.IsWal() ? content.Length : 0, kind.IsWal() ? Equality.Tag(content) : default);
        var sealedObject = new ObjectSealer(run, Host).SealAsync(what, spool, new ObjectIndex(), CancellationToken.None).GetAwaiter().GetResult();
        using var stream = sealedObject.Open();
        var bytes = new byte[sealedObject.Length];
        stream.ReadExactly(bytes);
        Assert.Equal(0, stream.Read(new byte[1]));
        return bytes;
    }

    /// <summary>As a careful reader: head, signature, index, every frame, and nothing behind the last one.</summary>
    public static byte[] Open(byte[] blob, Keyring keyring)
    {
        var head = SealedHead.Parse(blob);
        if (!head.IsSignedBy(Host.PublicKey)) throw new SealedObjectException("not signed by the host");
        var opened = head.OpenIndexAsync(keyring, CancellationToken.None).AsTask().GetAwaiter().GetResult();
        if (opened.Length != blob.Length) throw new SealedObjectException($"it has {blob.Length} bytes, its index says {opened.Length}");
        var content = new byte[head.Prefix.PlainLength];
        using var codec = new ZstdSharpCodec(3);
        var scratch = new byte[SealedFormat.MaxFrame + SealedFormat.TagSize];
        foreach (var frame in opened.Frames)
            opened.OpenFrame(frame, blob.AsSpan((int)frame.Offset, frame.SealedLength), content.AsSpan((int)frame.PlainOffset, frame.PlainLength), codec, scratch);
        return content;
    }
}
