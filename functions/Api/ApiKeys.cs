using System.Security.Cryptography;
using System.Text;

namespace Holdfast.Functions.Api;

/// <summary>The API keys of one cluster. Only their hashes are kept, and all are compared, each in constant time: an answer's time tells nothing of them.</summary>
/// <param name="keys">Each key and what it stands for.</param>
public sealed class ApiKeys(params IEnumerable<(string Key, ApiRole Roles)> keys)
{
    private readonly (byte[] Hash, ApiRole Roles)[] _keys = [.. keys.Select(one => (Hash(one.Key), one.Roles))];

    /// <summary>What a key stands for; <see cref="ApiRole.None"/> for one that is not known.</summary>
    public ApiRole RolesOf(string? key)
    {
        var (hash, roles) = (Hash(key ?? ""), ApiRole.None);
        foreach (var (known, stands) in _keys)
            if (CryptographicOperations.FixedTimeEquals(hash, known)) roles |= stands;
        return string.IsNullOrEmpty(key) ? ApiRole.None : roles;
    }

    private static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));
}
