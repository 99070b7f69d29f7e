using System.Buffers.Binary;
using CsCheck;
using Holdfast.Core;
using Holdfast.Core.Sealing;

namespace Holdfast.Tests.Core.Sealing;

public class SealedObjectTests
{
    private const string Name = "1/wal/00000001/00000000/000000010000000000000001";

    [Fact]
    public void Any_content_comes_back_for_any_frame_size() => Gen.Select(Gen.Int[0, 300_000], Gen.Int[1, 70_000], Gen.Byte).Sample((length, frameSize, mix) =>
    {
        using var run = Sealed.Run();
        var content = Content(length, mix);
        Assert.Equal(content, Sealed.Open(Sealed.Make(content, run, frameSize: Math.Max(frameSize, length / 500 + 1)), Sealed.Restorer));
    }, iter: 40);

    [Fact]
    public void A_spool_in_a_file_gives_the_same_content_and_leaves_no_file()
    {
        var folder = Directory.CreateTempSubdirectory("holdfast-spool-").FullName;
        try
        {
            using var run = Sealed.Run();
            var content = Content(400_000, 7);
            Assert.Equal(content, Sealed.Open(Sealed.Make(content, run, spoolFolder: folder), Sealed.Restorer));
            Assert.Empty(Directory.GetFileSystemEntries(folder));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void The_escrow_key_alone_opens_everything()
    {
        using var run = Sealed.Run();
        var content = Content(100_000, 3);
        Assert.Equal(content, Sealed.Open(Sealed.Make(content, run), new Keyring([(Sealed.Escrow.Thumbprint, Sealed.Escrow)])));
    }

    [Fact]
    public async Task The_index_key_verifies_every_frame_and_opens_none()
    {
        using var run = Sealed.Run();
        var blob = Sealed.Make(Content(200_000, 3), run);
        var opened = await SealedHead.Parse(blob).OpenIndexAsync(Sealed.ControlPlane, CancellationToken.None);
        Assert.False(opened.CanOpenContent);
        Assert.All(opened.Frames, frame => Assert.True(opened.IsIntact(frame, blob.AsSpan((int)frame.Offset, frame.SealedLength))));
        using var codec = new ZstdSharpCodec(3);
        var first = opened.Frames[0];
        Assert.Throws<SealedObjectException>(() =>
            opened.OpenFrame(first, blob.AsSpan((int)first.Offset, first.SealedLength), new byte[first.PlainLength], codec, new byte[SealedFormat.MaxFrame]));
    }

    [Fact]
    public void Another_key_opens_nothing_and_says_for_whom_it_is()
    {
        using var run = Sealed.Run();
        var blob = Sealed.Make(Content(1000, 3), run);
        using var other = RsaKey.Generate();
        var error = Assert.Throws<SealedObjectException>(() => Sealed.Open(blob, new Keyring([(other.Thumbprint, other)])));
        Assert.Contains(Sealed.Content.Thumbprint.Short, error.Message);
        Assert.NotNull(error.Hint);
    }

    [Fact]
    public void No_bit_can_be_flipped()
    {
        using var run = Sealed.Run();
        var blob = Sealed.Make(Content(5_000, 11), run, frameSize: 1024);
        for (var bit = 0; bit < blob.Length * 8; bit += 5)
        {
            blob[bit / 8] ^= (byte)(1 << bit % 8);
            Assert.ThrowsAny<DamagedException>(() => Sealed.Open(blob, Sealed.Restorer));
            blob[bit / 8] ^= (byte)(1 << bit % 8);
        }
        Sealed.Open(blob, Sealed.Restorer);
    }

    [Fact]
    public void No_truncation_opens()
    {
        using var run = Sealed.Run();
        var blob = Sealed.Make(Content(5_000, 11), run, frameSize: 1024);
        for (var length = 0; length < blob.Length; length++)
            Assert.ThrowsAny<DamagedException>(() => Sealed.Open(blob[..length], Sealed.Restorer));
        Assert.ThrowsAny<DamagedException>(() => Sealed.Open([.. blob, 0], Sealed.Restorer));
    }

    [Fact]
    public async Task Frames_cannot_trade_places_nor_come_from_another_object_of_the_run()
    {
        using var run = Sealed.Run();
        var stored = new byte[4096];
        new Random(1).NextBytes(stored);
        var (one, two) = (Sealed.Make(stored, run, frameSize: 1024), Sealed.Make(stored, run, frameSize: 1024));
        var opened = await SealedHead.Parse(one).OpenIndexAsync(Sealed.Restorer, CancellationToken.None);
        var (a, b) = (opened.Frames[0], opened.Frames[1]);
        Assert.Equal(a.SealedLength, b.SealedLength);

        var swapped = (byte[])one.Clone();
        one.AsSpan((int)a.Offset, a.SealedLength).CopyTo(swapped.AsSpan((int)b.Offset));
        one.AsSpan((int)b.Offset, b.SealedLength).CopyTo(swapped.AsSpan((int)a.Offset));
        Assert.ThrowsAny<DamagedException>(() => Sealed.Open(swapped, Sealed.Restorer));

        var spliced = (byte[])one.Clone();
        two.AsSpan((int)a.Offset, a.SealedLength).CopyTo(spliced.AsSpan((int)a.Offset));
        Assert.ThrowsAny<DamagedException>(() => Sealed.Open(spliced, Sealed.Restorer));

        // The whole index and signature of the twin under this prefix.
        var prefix = SealedPrefix.ReadLength(one);
        Assert.ThrowsAny<DamagedException>(() => Sealed.Open([.. one[..prefix], .. two[prefix..]], Sealed.Restorer));
    }

    [Fact]
    public async Task A_renamed_object_keeps_its_name_inside()
    {
        using var run = Sealed.Run();
        var head = SealedHead.Parse(Sealed.Make(Content(100, 1), run));
        Assert.Equal(Name, head.Prefix.Name);
        Assert.True(head.IsSignedBy(Sealed.Host.PublicKey));
        await head.OpenIndexAsync(Sealed.Restorer, CancellationToken.None);
    }

    [Fact]
    public void A_slot_that_holds_another_data_key_is_refused()
    {
        using var run = Sealed.Run();
        using var other = Sealed.Run();
        var blob = Sealed.Make(Content(100, 1), run);
        var prefixLength = SealedPrefix.ReadLength(blob);
        var parsed = SealedPrefix.Parse(blob.AsSpan(0, prefixLength));
        var forged = new SealedPrefix
        {
            Kind = parsed.Kind, Name = parsed.Name, PlainLength = parsed.PlainLength, FramesLength = parsed.FramesLength, CoveredLength = parsed.CoveredLength, Tag = parsed.Tag,
            RunId = parsed.RunId, Slots = other.Slots, Salt = parsed.Salt, CommitIndex = parsed.CommitIndex, CommitContent = parsed.CommitContent,
            Signer = parsed.Signer,
        }.Encode();
        var head = SealedHead.Parse([.. forged, .. blob[prefixLength..]]);
        Assert.False(head.IsSignedBy(Sealed.Host.PublicKey));
        var error = Assert.ThrowsAny<SealedObjectException>(() => { head.OpenIndexAsync(new Keyring([(Sealed.Content.Thumbprint, Sealed.Content)]), CancellationToken.None).AsTask().GetAwaiter().GetResult(); });
        Assert.Contains("commits", error.Message);
    }

    [Fact]
    public void Hostile_heads_neither_crash_nor_allocate_without_bound()
    {
        using var run = Sealed.Run();
        var blob = Sealed.Make(Content(3000, 5), run, frameSize: 1024);
        var prefix = SealedPrefix.ReadLength(blob);
        Gen.Select(Gen.Int[0, prefix + 200], Gen.Byte.Array[1, 40]).Sample((at, noise) =>
        {
            var hostile = (byte[])blob.Clone();
            noise.AsSpan(0, Math.Min(noise.Length, hostile.Length - at)).CopyTo(hostile.AsSpan(at));
            var before = GC.GetAllocatedBytesForCurrentThread();
            try { SealedHead.Parse(hostile); }
            catch (SealedObjectException) { }
            Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 200_000);
        }, iter: 20_000);
    }

    [Fact]
    public void A_length_of_the_index_beyond_its_bound_is_refused_before_anything_is_read()
    {
        using var run = Sealed.Run();
        var blob = Sealed.Make(Content(3000, 5), run);
        var prefix = SealedPrefix.ReadLength(blob);
        foreach (var length in (uint[])[0, 15, SealedFormat.MaxIndex + 1, uint.MaxValue])
        {
            BinaryPrimitives.WriteUInt32LittleEndian(blob.AsSpan(prefix), length);
            Assert.Throws<SealedObjectException>(() => SealedHead.BytesNeeded(blob));
        }
    }

    [Fact]
    public void Another_version_an_unknown_kind_and_unknown_critical_flags_are_refused_by_name()
    {
        using var run = Sealed.Run();
        var blob = Sealed.Make(Content(10, 5), run);
        Assert.Contains("version 2", Refusal(blob, 4, 2));
        Assert.Contains("kind 250", Refusal(blob, 5, 250));
        Assert.Contains("0x0080", Refusal(blob, 6, 0x80));
        Assert.Contains("HFS1", Refusal(blob, 0, 0));
    }

    private static string Refusal(byte[] blob, int at, byte value)
    {
        var changed = (byte[])blob.Clone();
        changed[at] = value;
        return Assert.Throws<SealedObjectException>(() => SealedHead.Parse(changed)).Message;
    }

    // Part text, part noise, part zeros: frames that shrink, frames that are stored.
    private static byte[] Content(int length, byte mix)
    {
        var random = new Random(mix);
        var content = new byte[length];
        for (var i = 0; i < length; i += 1000)
        {
            var part = content.AsSpan(i, Math.Min(1000, length - i));
            if (random.Next(3) == 0) random.NextBytes(part);
            else part.Fill((byte)random.Next(256));
        }
        return content;
    }
}
