using System.Buffers.Binary;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Holdfast.Tests.Core.Sealing;

/// <summary>
/// A second reader of sealed objects, written from docs/format.md alone: its own parsing, keys and protobuf, no type of Holdfast's. What the
/// product writes must open here, so that the document is enough to get the data back without the product.
/// </summary>
internal sealed class IndependentReader
{
    private int _at;
    private readonly byte[] _object;

    private IndependentReader(byte[] sealedObject) => _object = sealedObject;

    public byte Kind { get; private set; }
    public string Name { get; private set; } = "";
    public long PlainLength { get; private set; }
    public long CoveredLength { get; private set; }
    public byte[] Tag { get; private set; } = [];
    public byte[] RunId { get; private set; } = [];
    public List<(byte Purpose, byte Algorithm, byte[] Thumbprint, string KeyId, byte[] Wrapped)> Slots { get; } = [];
    public byte[] SignerKeyId { get; private set; } = [];

    /// <summary>The ObjectIndex message, decrypted.</summary>
    public byte[] Index { get; private set; } = [];

    /// <summary>Null when only the index could be opened.</summary>
    public byte[]? Content { get; private set; }

    /// <summary>Reads a whole object as section 2.6 says. Anything unexpected is an <see cref="InvalidDataException"/> or a <see cref="CryptographicException"/>.</summary>
    /// <param name="sealedObject">The blob.</param>
    /// <param name="name">The name asked for.</param>
    /// <param name="signerJwk">Public JWK of the host.</param>
    /// <param name="rsaJwk">Private JWK of the content, escrow or index key; of a job, of the host's agreement key.</param>
    /// <param name="equalityKey">For WAL kinds: the tag is checked when content is opened.</param>
    public static IndependentReader Open(byte[] sealedObject, string name, byte[] signerJwk, byte[] rsaJwk, byte[]? equalityKey)
    {
        var reader = new IndependentReader(sealedObject);
        reader.Read(name, Jwk(signerJwk), Jwk(rsaJwk), equalityKey);
        return reader;
    }

    private void Read(string name, Dictionary<string, string> signer, Dictionary<string, string> rsa, byte[]? equalityKey)
    {
        // 2.1
        Require(Encoding.ASCII.GetString(Take(4)) == "HFS1", "magic");
        Require(Take(1)[0] == 1, "version");
        Kind = Take(1)[0];
        Require((U16() & 0x00FF) == 0, "critical flags");
        var prefixLength = U16();
        Require(prefixLength <= 16_384 && prefixLength <= _object.Length, "|P|");
        Name = Text(512);
        PlainLength = I64();
        var framesLength = I64();
        if (Kind is >= 1 and <= 5)
        {
            CoveredLength = I64();
            Tag = Take(32).ToArray();
        }
        RunId = Take(16).ToArray();
        int slots = Take(1)[0];
        Require(slots is >= 1 and <= 16, "slots");
        for (var i = 0; i < slots; i++) Slots.Add((Take(1)[0], Take(1)[0], Take(32).ToArray(), Text(1024), Take(Bounded(U16(), 1024)).ToArray()));
        var salt = Take(32).ToArray();
        var commitIndex = Take(32).ToArray();
        var commitContent = Take(32).ToArray();
        SignerKeyId = Take(32).ToArray();
        Require(_at == prefixLength, "P has bytes of no field");
        Require(Name == name, "name");
        var h = SHA256.HashData(_object.AsSpan(0, prefixLength));

        // 2.2, 2.3
        var startOfS = _at;
        var indexLength = (int)BinaryPrimitives.ReadUInt32LittleEndian(Take(4));
        Require(indexLength is >= 16 and <= 67_108_864, "|X|");
        var x = Take(indexLength).ToArray();
        var sx = SHA256.HashData(_object.AsSpan(startOfS, 4 + indexLength));
        var signature = Take(64).ToArray();
        Require(_object.Length == prefixLength + 4 + indexLength + 64 + framesLength, "length of the object");
        Require(Thumbprint($$"""{"crv":"P-256","kty":"EC","x":"{{signer["x"]}}","y":"{{signer["y"]}}"}""").SequenceEqual(SignerKeyId), "signer");
        using var verifying = ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, Q = new ECPoint { X = Bytes(signer["x"]), Y = Bytes(signer["y"]) } });
        Require(verifying.VerifyData((byte[])[.. "HFS1sig"u8, .. h, .. sx], signature, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation), "signature");

        // 2.5
        var (purpose, unwrapped) = rsa.ContainsKey("n") ? UnwrapRsa(rsa) : UnwrapAgreement(rsa);
        Require(unwrapped.Length == 32, "wrapped key");
        var dk = purpose == 3 ? null : unwrapped;
        var idk = purpose == 3 ? unwrapped : Hkdf(unwrapped, new byte[32], "index-data-key", "");
        Require(Hkdf(idk, salt, "commit-index", Name).SequenceEqual(commitIndex), "commitIndex");
        Require(dk is null || Hkdf(dk, salt, "commit-content", Name).SequenceEqual(commitContent), "commitContent");
        Index = Gcm(Hkdf(idk, salt, "index", Name), 0, h, x);
        ReadFrames(dk is null ? null : Hkdf(dk, salt, "content", Name), h);
        if (Content is not null && equalityKey is not null && Kind is >= 1 and <= 5)
            Require(HMACSHA256.HashData(equalityKey, Content.AsSpan(0, (int)CoveredLength)).SequenceEqual(Tag), "tag");
    }

    private (byte Purpose, byte[] Key) UnwrapRsa(Dictionary<string, string> rsa)
    {
        using var unwrapping = RSA.Create(new RSAParameters
        {
            Modulus = Bytes(rsa["n"]), Exponent = Bytes(rsa["e"]), D = Bytes(rsa["d"]), P = Bytes(rsa["p"]), Q = Bytes(rsa["q"]), DP = Bytes(rsa["dp"]), DQ = Bytes(rsa["dq"]), InverseQ = Bytes(rsa["qi"]),
        });
        var thumbprint = Thumbprint($$"""{"e":"{{rsa["e"]}}","kty":"RSA","n":"{{rsa["n"]}}"}""");
        var slot = Slots.Single(s => s.Algorithm == 1 && s.Thumbprint.SequenceEqual(thumbprint));
        return (slot.Purpose, unwrapping.Decrypt(slot.Wrapped, RSAEncryptionPadding.OaepSHA256));
    }

    // 4.7, with info = "HFS1 data key"
    private (byte Purpose, byte[] Key) UnwrapAgreement(Dictionary<string, string> ec)
    {
        var thumbprint = Thumbprint($$"""{"crv":"P-256","kty":"EC","x":"{{ec["x"]}}","y":"{{ec["y"]}}"}""");
        var slot = Slots.Single(s => s.Algorithm == 2 && s.Thumbprint.SequenceEqual(thumbprint));
        using var own = ECDiffieHellman.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = Bytes(ec["d"]), Q = new ECPoint { X = Bytes(ec["x"]), Y = Bytes(ec["y"]) } });
        var (e, rest) = (slot.Wrapped[..64], slot.Wrapped[64..]);
        using var ephemeral = ECDiffieHellman.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, Q = new ECPoint { X = e[..32], Y = e[32..] } });
        using var ephemeralPublic = ephemeral.PublicKey;
        var prk = HMACSHA256.HashData(new byte[32], own.DeriveRawSecretAgreement(ephemeralPublic));
        var key = HMACSHA256.HashData(prk, (byte[])[.. "HFA1"u8, .. e, .. Bytes(ec["x"]), .. Bytes(ec["y"]), .. "HFS1 data key"u8, 1]);
        return (slot.Purpose, Gcm(key, 0, "HFS1 data key"u8.ToArray(), rest));
    }

    // 2.4
    private void ReadFrames(byte[]? kc, byte[] h)
    {
        var table = Fields(Index).Where(f => f.Number == 1).Select(f => f.Bytes).SingleOrDefault() ?? [];
        byte[] Column(int number) => [.. Fields(table).Where(f => f.Number == number).SelectMany(f => f.Bytes)];
        var (hashes, lengths, plains, stored) = (Column(1), Varints(Column(2)), Varints(Column(3)), Varints(Column(4)));
        Require(hashes.Length == 32 * lengths.Count && plains.Count == lengths.Count && stored.Count == lengths.Count, "columns");
        var content = new MemoryStream();
        using var zstd = new ZstdSharp.Decompressor();
        for (var i = 0; i < lengths.Count; i++)
        {
            var frame = Take(checked((int)lengths[i])).ToArray();
            Require(SHA256.HashData(frame).AsSpan().SequenceEqual(hashes.AsSpan(32 * i, 32)), $"hash of frame {i + 1}");
            Require(plains[i] is >= 1 and <= 4_194_304, "plain length");
            if (kc is null) continue;
            var n = new byte[8];
            BinaryPrimitives.WriteUInt64LittleEndian(n, (ulong)i + 1);
            var text = Gcm(kc, (ulong)i + 1, [.. h, .. n], frame);
            var plain = stored[i] == 1 ? text : zstd.Unwrap(text).ToArray();
            Require((ulong)plain.Length == plains[i], $"length of frame {i + 1}");
            content.Write(plain);
        }
        Require(_at == _object.Length, "bytes behind the last frame");
        if (kc is null) return;
        Content = content.ToArray();
        Require(Content.Length == PlainLength, "plainLength");
    }

    private static byte[] Gcm(byte[] key, ulong n, byte[] aad, byte[] sealedBytes)
    {
        var nonce = new byte[12];
        BinaryPrimitives.WriteUInt64LittleEndian(nonce, n);
        var plain = new byte[sealedBytes.Length - 16];
        using var aes = new AesGcm(key, 16);
        aes.Decrypt(nonce, sealedBytes.AsSpan(0, plain.Length), sealedBytes.AsSpan(plain.Length), plain, aad);
        return plain;
    }

    // RFC 5869 by hand, for 32 bytes of output: PRK = HMAC(salt, ikm), OKM = HMAC(PRK, info ‖ 01).
    private static byte[] Hkdf(byte[] ikm, byte[] salt, string purpose, string name) =>
        HMACSHA256.HashData(HMACSHA256.HashData(salt, ikm), (byte[])[.. "HFS1"u8, 0, .. Encoding.UTF8.GetBytes(purpose), 0, .. Encoding.UTF8.GetBytes(name), 1]);

    /// <summary>A message's fields; numbers stand as their eight bytes, little-endian.</summary>
    public static IEnumerable<(int Number, byte[] Bytes)> Fields(byte[] message)
    {
        for (var at = 0; at < message.Length;)
        {
            var key = Varint(message, ref at);
            byte[] value;
            switch (key & 7)
            {
                case 0: value = BitConverter.GetBytes(Varint(message, ref at)); break;
                case 1: value = message[at..(at += 8)]; break;
                case 2: var length = (int)Varint(message, ref at); value = message[at..(at += length)]; break;
                case 5: value = message[at..(at += 4)]; break;
                default: throw new InvalidDataException("wire type");
            }
            yield return ((int)(key >> 3), value);
        }
    }

    /// <summary>A packed column.</summary>
    public static List<ulong> Varints(byte[] packed)
    {
        var values = new List<ulong>();
        for (var at = 0; at < packed.Length;) values.Add(Varint(packed, ref at));
        return values;
    }

    private static ulong Varint(byte[] bytes, ref int at)
    {
        ulong value = 0;
        for (var shift = 0; ; shift += 7)
        {
            value |= (ulong)(bytes[at] & 0x7F) << shift;
            if (bytes[at++] < 0x80) return value;
        }
    }

    private static Dictionary<string, string> Jwk(byte[] json)
    {
        using var document = JsonDocument.Parse(json);
        return document.RootElement.EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetString()!);
    }

    private static byte[] Bytes(string base64Url) => Base64Url.DecodeFromChars(base64Url);

    private static byte[] Thumbprint(string canonicalJwk) => SHA256.HashData(Encoding.UTF8.GetBytes(canonicalJwk));

    private static void Require(bool holds, string what)
    {
        if (!holds) throw new InvalidDataException($"not as docs/format.md says: {what}");
    }

    private static int Bounded(int value, int max) => value <= max ? value : throw new InvalidDataException("too long");

    private ReadOnlySpan<byte> Take(int length)
    {
        Require(length >= 0 && length <= _object.Length - _at, "the object ends within a field");
        return _object.AsSpan((_at += length) - length, length);
    }

    private int U16() => BinaryPrimitives.ReadUInt16LittleEndian(Take(2));

    private long I64() => BinaryPrimitives.ReadInt64LittleEndian(Take(8));

    private string Text(int max) => Encoding.UTF8.GetString(Take(Bounded(U16(), max)));
}
