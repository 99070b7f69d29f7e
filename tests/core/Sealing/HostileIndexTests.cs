using System.Buffers.Binary;
using System.Security.Cryptography;
using CsCheck;
using Google.Protobuf;
using Holdfast.Core;
using Holdfast.Core.Sealing;
using Holdfast.Core.Sealing.Wire;

namespace Holdfast.Tests.Core.Sealing;

/// <summary>Indexes that are validly sealed and signed, and lie: a host in other hands must not bring a reader down, nor make it read elsewhere.</summary>
public class HostileIndexTests
{
    private const string Name = "1/wal/00000001/00000000/000000010000000000000001";

    [Theory]
    [InlineData("columns", 100, 1, 2, 1, 32)]
    [InlineData("columns", 100, 2, 1, 1, 64)]
    [InlineData("columns", 100, 1, 1, 0, 32)]
    [InlineData("columns", 100, 1, 1, 1, 31)]
    [InlineData("columns", 100, 1, 1, 1, 0)]
    public void Columns_of_different_lengths_are_refused(string says, int plain, int sealedRows, int plainRows, int storedRows, int hashBytes)
    {
        var table = new FrameTable { Sha256 = ByteString.CopyFrom(new byte[hashBytes]) };
        for (var i = 0; i < sealedRows; i++) table.SealedLength.Add(50);
        for (var i = 0; i < plainRows; i++) table.PlainLength.Add(100);
        for (var i = 0; i < storedRows; i++) table.Stored.Add(false);
        Assert.Contains(says, Refusal(table, plain, 50));
    }

    [Theory]
    [InlineData(0u, 100u, false)] // an empty frame
    [InlineData(16u, 100u, false)] // only a tag
    [InlineData(50u, 0u, false)]
    [InlineData(uint.MaxValue, 100u, false)]
    [InlineData(50u, uint.MaxValue, false)]
    [InlineData(50u, SealedFormat.MaxFrame + 1u, false)]
    [InlineData(117u, 100u, false)] // longer than stored
    [InlineData(50u, 100u, true)] // stored and shorter
    [InlineData(0x80000010u, 0x80000000u, true)] // negative as a signed number
    public void A_frame_of_impossible_lengths_is_refused(uint sealedLength, uint plainLength, bool stored)
    {
        var table = Table((sealedLength, plainLength, stored));
        Assert.Contains("frame 1 claims", Refusal(table, Math.Max(1, plainLength), Math.Max(1, Math.Min(sealedLength, (long)plainLength * 17))));
    }

    [Fact]
    public void Sums_that_do_not_fit_the_prefix_are_refused()
    {
        var table = Table((50u, 100u, false), (60u, 200u, false));
        Assert.Contains("prefix says 299", Refusal(table, 299, 110));
        Assert.Contains("prefix says 111", Refusal(table, 300, 111));
        Assert.Contains("prefix says 1099511627776", Refusal(table, SealedFormat.MaxPlain, 110));
        Forge(table, 300, 110, out var head);
        Assert.Equal(2, Open(head).Frames.Count);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 0)]
    [InlineData(10, 171)]
    [InlineData(10, long.MaxValue)]
    [InlineData(10, -1)]
    [InlineData(-1, 10)]
    [InlineData((1L << 40) + 1, 10)]
    public void Impossible_lengths_in_the_prefix_are_refused_before_the_signature_is_looked_at(long plain, long frames) =>
        Assert.Contains("impossible", Assert.Throws<SealedObjectException>(() => Forge(Table(), plain, frames, out _)).Message);

    [Fact]
    public void Random_bytes_as_an_index_never_crash_nor_allocate_without_bound() => Gen.Byte.Array[0, 300].Sample(bytes =>
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            ForgeRaw(bytes, 100, 50, out var head);
            _ = Open(head);
        }
        catch (SealedObjectException)
        {
        }
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1 << 20);
    }, iter: 2000);

    [Fact]
    public void A_frame_that_unpacks_to_more_or_less_than_it_claims_is_refused()
    {
        var plain = new byte[1000];
        using var codec = new ZstdSharpCodec(3);
        var packed = new byte[200];
        var size = codec.Compress(plain, packed);
        foreach (var claimed in (uint[])[999, 1001, 4 << 20])
        {
            var table = Table(((uint)size + 16, claimed, false));
            var blob = ForgeWithFrame(table, claimed, packed[..size], out var head);
            var opened = Open(head);
            var error = Assert.Throws<SealedObjectException>(() =>
                opened.OpenFrame(opened.Frames[0], blob.AsSpan(head.Length), new byte[claimed], codec, new byte[size + 16]));
            Assert.Contains("frame 1", error.Message);
        }
    }

    private static FrameTable Table(params ReadOnlySpan<(uint Sealed, uint Plain, bool Stored)> rows)
    {
        var table = new FrameTable { Sha256 = ByteString.CopyFrom(new byte[32 * rows.Length]) };
        foreach (var (sealedLength, plainLength, stored) in rows)
        {
            table.SealedLength.Add(sealedLength);
            table.PlainLength.Add(plainLength);
            table.Stored.Add(stored);
        }
        return table;
    }

    private static string Refusal(FrameTable table, long plain, long frames)
    {
        Forge(table, plain, frames, out var head);
        return Assert.Throws<SealedObjectException>(() => Open(head)).Message;
    }

    private static OpenedObject Open(SealedHead head)
    {
        Assert.True(head.IsSignedBy(Sealed.Host.PublicKey));
        return head.OpenIndexAsync(Sealed.Restorer, CancellationToken.None).AsTask().GetAwaiter().GetResult();
    }

    private static void Forge(FrameTable table, long plain, long frames, out SealedHead head) => ForgeRaw(new ObjectIndex { Frames = table }.ToByteArray(), plain, frames, out head);

    private static byte[] ForgeWithFrame(FrameTable table, long plain, byte[] text, out SealedHead head)
    {
        var (keys, prefix) = Prefix(plain, text.Length + 16);
        var hash = SealedPrefix.Hash(prefix);
        byte[] frame = [.. text, .. new byte[16]];
        using (var aes = new AesGcm(keys.Content, 16)) FrameCrypto.Seal(aes, 1, hash, frame);
        table.Sha256 = ByteString.CopyFrom(SHA256.HashData(frame));
        byte[] blob = [.. Finish(new ObjectIndex { Frames = table }.ToByteArray(), keys.Index, prefix), .. frame];
        head = SealedHead.Parse(blob);
        return blob;
    }

    private static void ForgeRaw(byte[] index, long plain, long frames, out SealedHead head)
    {
        var (keys, prefix) = Prefix(plain, frames);
        head = SealedHead.Parse(Finish(index, keys.Index, prefix));
    }

    private static readonly SealingRun Run = Sealed.Run();

    private static ((byte[] Index, byte[] Content) Keys, byte[] Prefix) Prefix(long plain, long frames)
    {
        var salt = RandomNumberGenerator.GetBytes(32);
        var prefix = new SealedPrefix
        {
            Kind = SealedKind.WalSegment, Name = Name, PlainLength = plain, FramesLength = frames, CoveredLength = Math.Clamp(plain, 0, 1), Tag = new byte[32], RunId = Run.RunId, Slots = Run.Slots,
            Salt = salt, CommitIndex = SealingKeys.CommitIndex(Run.IndexDataKey, salt, Name), CommitContent = SealingKeys.CommitContent(Run.DataKey, salt, Name),
            Signer = Sealed.Host.PublicKey.Thumbprint,
        };
        return ((SealingKeys.IndexKey(Run.IndexDataKey, salt, Name), SealingKeys.ContentKey(Run.DataKey, salt, Name)), prefix.Encode());
    }

    private static byte[] Finish(byte[] index, byte[] indexKey, byte[] prefix)
    {
        var hash = SealedPrefix.Hash(prefix);
        var sx = new byte[4 + index.Length + 16];
        BinaryPrimitives.WriteInt32LittleEndian(sx, index.Length + 16);
        index.CopyTo(sx, 4);
        using (var aes = new AesGcm(indexKey, 16)) FrameCrypto.Seal(aes, 0, hash, sx.AsSpan(4));
        var signature = Sealed.Host.SignAsync(ObjectSealer.SignedDigest(hash, sx), CancellationToken.None).AsTask().GetAwaiter().GetResult();
        return [.. prefix, .. sx, .. signature];
    }
}
