using System.Text.RegularExpressions;

namespace Holdfast.Functions.Workflows;

/// <summary>
/// The name of one run of a workflow. It carries the cluster, since an engine may run workflows of several, and the occurrence ("shop:backup-20260102-020000F"), so
/// that whoever asks for the same thing twice gets one run. What both engines can hold: 1 to 100 characters, letters, digits, dot, colon, underscore and minus, starting with a letter or digit
/// (Durable Functions reserves '@'; Azure Tables refuses / \ # ? and control characters in keys).
/// </summary>
public readonly partial record struct InstanceId
{
    private readonly string? _value;

    /// <summary>Checks and takes the name.</summary>
    /// <exception cref="FormatException">It is not one.</exception>
    public InstanceId(string value)
    {
        if (!Pattern().IsMatch(value)) throw new FormatException($"'{value}' is not a workflow's instance id: 1 to 100 letters, digits and . : _ - are expected");
        _value = value;
    }

    /// <summary>The name of a cluster's run.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public static InstanceId Of(string cluster, string occurrence) => new($"{cluster}:{occurrence}");

    /// <summary>The cluster whose run it is; null when it names none.</summary>
    public string? Cluster => ToString() is var name && name.IndexOf(':') is > 0 and var colon ? name[..colon] : null;

    /// <summary>The name.</summary>
    public override string ToString() => _value ?? throw new InvalidOperationException("The instance id was never set");

    /// <summary>Whether <paramref name="value"/> can be an instance id.</summary>
    public static bool IsValid(string value) => Pattern().IsMatch(value);

    [GeneratedRegex(@"\A[A-Za-z0-9][A-Za-z0-9.:_-]{0,99}\z")]
    private static partial Regex Pattern();
}
