using System.Buffers.Text;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Holdfast.Core.Postgres;
using Holdfast.Core.Sealing;

namespace Holdfast.Core.Repository;

/// <summary>A value as a JSON string of one spelling only: what is read must be exactly what would be written.</summary>
internal abstract class TextConverter<T> : JsonConverter<T>
{
    protected abstract T Parse(string text);

    protected abstract string Format(T value);

    public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.String) throw new JsonException($"expected a string, found {reader.TokenType}");
        var text = reader.GetString()!;
        try
        {
            var value = Parse(text);
            if (Format(value) == text) return value;
        }
        catch (Exception e) when (e is FormatException or OverflowException or ArgumentException or DamagedException)
        {
            throw new JsonException($"not a {typeof(T).Name}", e);
        }

        throw new JsonException($"an unusual spelling of a {typeof(T).Name}");
    }

    public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) => writer.WriteStringValue(Format(value));
}

/// <summary><c>"0/2A000028"</c>.</summary>
internal sealed class LsnConverter : TextConverter<Lsn>
{
    protected override Lsn Parse(string text) => Lsn.Parse(text);

    protected override string Format(Lsn value) => value.ToString();
}

/// <summary>Decimal in a string: 64 bits do not fit the numbers of other JSON readers.</summary>
internal sealed class SystemIdentifierConverter : TextConverter<SystemIdentifier>
{
    protected override SystemIdentifier Parse(string text) => SystemIdentifier.Parse(text);

    protected override string Format(SystemIdentifier value) => value.ToString();
}

/// <summary>ISO 8601 in UTC with six decimals: <c>"2026-11-23T14:30:00.213000Z"</c>.</summary>
internal sealed class PostgresTimeConverter : TextConverter<PostgresTime>
{
    private const string Layout = "yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'";

    protected override PostgresTime Parse(string text) => PostgresTime.From(DateTimeOffset.ParseExact(
        text, Layout, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal));

    protected override string Format(PostgresTime value) => value.ToDateTimeOffset().ToString(Layout, CultureInfo.InvariantCulture);
}

/// <summary>43 characters of base64url.</summary>
internal sealed class KeyThumbprintConverter : TextConverter<KeyThumbprint>
{
    protected override KeyThumbprint Parse(string text) => KeyThumbprint.Parse(text);

    protected override string Format(KeyThumbprint value) => value.ToString();
}

/// <summary><c>"20260102-020000F"</c>.</summary>
internal sealed class BackupNameConverter : TextConverter<BackupName>
{
    protected override BackupName Parse(string text) => BackupName.Parse(text);

    protected override string Format(BackupName value) => value.ToString();
}

/// <summary>64 lower-case hexadecimal digits.</summary>
internal sealed class Sha256DigestConverter : TextConverter<Sha256Digest>
{
    protected override Sha256Digest Parse(string text) => Sha256Digest.Parse(text);

    protected override string Format(Sha256Digest value) => value.ToString();
}

/// <summary>The point, x ‖ y, in 86 characters of base64url.</summary>
internal sealed class VerifyingKeyConverter : TextConverter<VerifyingKey>
{
    protected override VerifyingKey Parse(string text) => new(Base64Url.DecodeFromChars(text));

    protected override string Format(VerifyingKey value) => Base64Url.EncodeToString(value.Point);
}

/// <summary>The point, x ‖ y, in 86 characters of base64url.</summary>
internal sealed class AgreementPublicKeyConverter : TextConverter<AgreementPublicKey>
{
    protected override AgreementPublicKey Parse(string text) => new(Base64Url.DecodeFromChars(text));

    protected override string Format(AgreementPublicKey value) => Base64Url.EncodeToString(value.Point);
}

/// <summary>An enumeration by its lower-case name; no numbers.</summary>
internal sealed class EnumTextConverter<T> : TextConverter<T> where T : struct, Enum
{
    protected override T Parse(string text)
    {
        foreach (var value in Enum.GetValues<T>())
            if (EnumText.Of(value) == text) return value;
        throw new FormatException();
    }

    protected override string Format(T value) => EnumText.Of(value);
}

/// <summary>How the log and messages spell an enumeration.</summary>
internal static class EnumText
{
    public static string Of<T>(T value) where T : struct, Enum => value.ToString().ToLowerInvariant();
}

/// <summary>A number from 1 to 2³²−1.</summary>
internal sealed class TimelineIdConverter : JsonConverter<TimelineId>
{
    public override TimelineId Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.Number && reader.TryGetUInt32(out var value) && value > 0
            ? new TimelineId(value)
            : throw new JsonException("not a timeline");

    public override void Write(Utf8JsonWriter writer, TimelineId value, JsonSerializerOptions options) =>
        writer.WriteNumberValue(value.Value);
}
