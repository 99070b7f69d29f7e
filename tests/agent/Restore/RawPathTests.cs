using CsCheck;
using Holdfast.Agent.Restore;

namespace Holdfast.Tests.Agent.Restore;

public sealed class RawPathTests
{
    [Fact]
    public void No_byte_of_a_name_is_lost() =>
        Gen.Byte.Array[0, 40].Sample(bytes => Assert.Equal(bytes, RawPath.ToBytes(RawPath.ToText(bytes))));

    [Fact]
    public void Two_names_have_two_texts() => Gen.Select(Gen.Byte.Array[0, 3], Gen.Byte.Array[0, 3])
        .Sample((one, other) => Assert.Equal(one.AsSpan().SequenceEqual(other), RawPath.ToText(one) == RawPath.ToText(other)));

    [Fact]
    public void Text_that_is_UTF_8_stays_what_it_is()
    {
        Assert.Equal("base/1/größe 🐘", RawPath.ToText("base/1/größe 🐘"u8));
        Assert.Equal("base/1/größe 🐘"u8, RawPath.ToBytes("base/1/größe 🐘"));
        Assert.Equal(@"gr\xf6\xdfe", RawPath.Display(RawPath.ToText([(byte)'g', (byte)'r', 0xF6, 0xDF, (byte)'e'])));
    }

    [Fact]
    public void Refuses_surrogates_that_stand_for_no_byte() => Assert.Throws<ArgumentException>(() => RawPath.ToBytes("a\uD800b"));
}
