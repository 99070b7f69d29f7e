using System.Security.Cryptography;
using CsCheck;
using Holdfast.Core.Sealing;
using Holdfast.Core.Sealing.Wire;

namespace Holdfast.Tests.Core.Sealing;

/// <summary>docs/format.md is enough: a reader written from it opens what the product writes, today and as checked in.</summary>
public class IndependentReaderTests
{
    private const string Name = "1/wal/00000001/00000000/000000010000000000000001";

    private static readonly byte[] HostJwk = JsonWebKey.Write(Sealed.Host.PublicKey);

    public static TheoryData<string> Vectors => [.. Directory.GetFiles(Golden.PathOf("sealed"), "*.object").Select(path => Path.GetFileNameWithoutExtension(path)!).Order()];

    [Fact]
    public void A_reader_written_from_the_document_opens_what_the_product_writes() => Gen.Select(Gen.Int[0, 200_000], Gen.Int[1, 70_000], Gen.Byte).Sample((length, frameSize, mix) =>
    {
        using var run = Sealed.Run();
        var content = new byte[length];
        new Random(mix).NextBytes(content.AsSpan(0, length / 3));
        var blob = Sealed.Make(content, run, frameSize: Math.Max(frameSize, length / 500 + 1));
        var escrow = IndependentReader.Open(blob, Name, HostJwk, JsonWebKey.Write(Sealed.Escrow, withPrivate: true), Sealed.Equality.Bytes.ToArray());
        Assert.Equal(content, escrow.Content);
        Assert.Equal(1, escrow.Kind);
        Assert.Equal(3, escrow.Slots.Count);
        var index = IndependentReader.Open(blob, Name, HostJwk, JsonWebKey.Write(Sealed.Index, withPrivate: true), null);
        Assert.Null(index.Content);
        Assert.Equal(escrow.Index, index.Index);
    }, iter: 20);

    [Fact]
    public void A_reader_written_from_the_document_refuses_what_the_product_refuses()
    {
        using var run = Sealed.Run();
        var blob = Sealed.Make(new byte[3000], run);
        var key = JsonWebKey.Write(Sealed.Content, withPrivate: true);
        Assert.Throws<InvalidDataException>(() => IndependentReader.Open(blob, Name + "x", HostJwk, key, null));
        Assert.Throws<InvalidDataException>(() => IndependentReader.Open(blob[..^1], Name, HostJwk, key, null));
        blob[^1] ^= 1;
        Assert.Throws<InvalidDataException>(() => IndependentReader.Open(blob, Name, HostJwk, key, null));
    }

    [Theory, MemberData(nameof(Vectors))]
    public async Task A_vector_opens_for_ever_with_the_product(string vector)
    {
        var (blob, expected) = Read(vector);
        var head = SealedHead.Parse(blob);
        Assert.True(head.IsSignedBy(JsonWebKey.ReadVerifying(Key("host-signing"), "host")));
        Assert.Equal(expected["name"], head.Prefix.Name);
        Assert.Equal(expected["kind"], ((byte)head.Prefix.Kind).ToString(System.Globalization.CultureInfo.InvariantCulture));
        Assert.Equal(expected["tag"], Convert.ToHexStringLower(head.Prefix.Tag.Span));
        Assert.Equal(blob.Length, head.ObjectLength);
        foreach (var name in (string[])["content", "escrow"])
        {
            using var key = JsonWebKey.ReadRsa(Key(name), name, withPrivate: true);
            var opened = await head.OpenIndexAsync(new Keyring([(key.Thumbprint, key)]), CancellationToken.None);
            var content = new byte[head.Prefix.PlainLength];
            using var codec = new ZstdSharpCodec(3);
            foreach (var frame in opened.Frames)
                opened.OpenFrame(frame, blob.AsSpan((int)frame.Offset, frame.SealedLength), content.AsSpan((int)frame.PlainOffset, frame.PlainLength), codec, new byte[frame.SealedLength]);
            Assert.Equal(expected["sha256"], Convert.ToHexStringLower(SHA256.HashData(content)));
            if (head.Prefix.Kind == SealedKind.Report) Assert.Equal("a test vector", opened.Index.Report.DamagedWal.Reason);
            if (head.Prefix.Kind == SealedKind.WalSegment) Assert.Equal(17u, opened.Index.Wal.Major);
        }
        using var index = JsonWebKey.ReadRsa(Key("index"), "index", withPrivate: true);
        Assert.False((await head.OpenIndexAsync(new Keyring([(index.Thumbprint, index)]), CancellationToken.None)).CanOpenContent);
    }

    [Theory, MemberData(nameof(Vectors))]
    public void A_vector_opens_for_ever_with_the_reader_written_from_the_document(string vector)
    {
        var (blob, expected) = Read(vector);
        var equality = File.ReadAllBytes(Golden.PathOf("sealed", "equality.key"));
        foreach (var key in (string[])["content", "escrow"])
        {
            var read = IndependentReader.Open(blob, expected["name"], Key("host-signing"), Key(key), equality);
            Assert.Equal(expected["sha256"], Convert.ToHexStringLower(SHA256.HashData(read.Content!)));
            Assert.Equal(expected["tag"], Convert.ToHexStringLower(read.Tag));
            Assert.Equal(expected["coveredLength"], read.CoveredLength.ToString(System.Globalization.CultureInfo.InvariantCulture));
        }
        Assert.Null(IndependentReader.Open(blob, expected["name"], Key("host-signing"), Key("index"), null).Content);
    }

    [Fact]
    public void The_vectors_are_there() => Assert.Equal(["history", "report", "segment"], Directory.GetFiles(Golden.PathOf("sealed"), "*.object").Select(path => Path.GetFileNameWithoutExtension(path)!).Order());

    private static byte[] Key(string name) => File.ReadAllBytes(Golden.PathOf("sealed", name + ".jwk"));

    private static (byte[] Blob, Dictionary<string, string> Expected) Read(string vector) =>
        (File.ReadAllBytes(Golden.PathOf("sealed", vector + ".object")),
         File.ReadLines(Golden.PathOf("sealed", vector + ".expected")).Select(line => line.Split('\t')).ToDictionary(parts => parts[0], parts => parts[1]));
}
