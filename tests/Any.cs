using CsCheck;

namespace Holdfast.Tests;

/// <summary>Generators that CsCheck lacks.</summary>
internal static class Any
{
    /// <summary>One of these values.</summary>
    public static Gen<T> Of<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);
}
