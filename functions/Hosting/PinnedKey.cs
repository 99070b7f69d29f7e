using System.Buffers.Text;
using Holdfast.Core;
using Holdfast.Core.Sealing;

namespace Holdfast.Functions.Hosting;

/// <summary>The public half of the control plane's key as <c>init</c> writes it into every configuration: thumbprint and point.</summary>
public static class PinnedKey
{
    /// <summary>What messages expect.</summary>
    public const string Expected = "THUMBPRINT:POINT of a P-256 public key, which hosts have pinned";

    /// <summary>Reads it; null when it is none, or thumbprint and point are not of one key.</summary>
    public static VerifyingKey? TryParse(string text)
    {
        try
        {
            var key = text.Split(':') is [_, var point] ? new VerifyingKey(Base64Url.DecodeFromChars(point)) : null;
            return key is not null && text.StartsWith(key.Thumbprint + ":", StringComparison.Ordinal) ? key : null;
        }
        catch (Exception e) when (e is FormatException or DamagedException)
        {
            return null;
        }
    }
}
