namespace Holdfast.Agent.Options;

/// <summary>The kinds of places a value can come from, weakest first.</summary>
public enum OptionOrigin
{
    /// <summary>The table's default.</summary>
    Default,

    /// <summary>One of PostgreSQL's own variables.</summary>
    PostgresVariable,

    /// <summary>Section [global] of the configuration file.</summary>
    GlobalSection,

    /// <summary>The cluster's section of the configuration file.</summary>
    ClusterSection,

    /// <summary>HOLDFAST_{NAME}.</summary>
    Environment,

    /// <summary>The command line.</summary>
    Flag,
}

/// <summary>Where a value came from.</summary>
/// <param name="Origin">The kind of place.</param>
/// <param name="Place">As messages name it: "/etc/holdfast/holdfast.conf:7", "environment variable HOLDFAST_PG_PATH", "flag --pg-path".</param>
public readonly record struct OptionSource(OptionOrigin Origin, string Place)
{
    /// <inheritdoc/>
    public override string ToString() => Place;
}

/// <summary>The text of an option and where it was found, before it is read.</summary>
/// <param name="Row">The option.</param>
/// <param name="Text">Its text.</param>
/// <param name="Source">Where it was found.</param>
public readonly record struct GivenOption(OptionRow Row, string Text, OptionSource Source);
