using System.Text;
using CsCheck;
using Holdfast.Core;
using Holdfast.Core.Postgres;

namespace Holdfast.Tests.Core.Postgres;

public class BackupLabelTests
{
    /// <summary>Written by a 17.10 server.</summary>
    private const string Sample = """
        START WAL LOCATION: 0/A000028 (file 00000001000000000000000A)
        CHECKPOINT LOCATION: 0/A000080
        BACKUP METHOD: streamed
        BACKUP FROM: primary
        START TIME: 2026-11-23 15:16:22 UTC
        LABEL: holdfast 20261123-151600F
        START TIMELINE: 1

        """;

    [Fact]
    public void Reads_every_line()
    {
        var label = Parse(Sample);
        Assert.Equal(Lsn.Parse("0/A000028"), label.StartWalLocation);
        Assert.Equal("00000001000000000000000A", label.StartWalFile);
        Assert.Equal(Lsn.Parse("0/A000080"), label.CheckpointLocation);
        Assert.Equal("streamed", label.BackupMethod);
        Assert.False(label.FromStandby);
        Assert.Equal("2026-11-23 15:16:22 UTC", label.StartTime);
        Assert.Equal("holdfast 20261123-151600F", label.Label);
        Assert.Equal(new TimelineId(1), label.StartTimeline);
        Assert.Null(label.IncrementalFrom);
        Assert.Null(label.IncrementalFromTimeline);
    }

    [Fact]
    public void Reads_the_parent_of_an_incremental()
    {
        var label = Parse(Sample + "INCREMENTAL FROM LSN: 0/1000028\nINCREMENTAL FROM TLI: 1\n");
        Assert.Equal(Lsn.Parse("0/1000028"), label.IncrementalFrom);
        Assert.Equal(new TimelineId(1), label.IncrementalFromTimeline);
    }

    [Theory]
    [InlineData("")]
    [InlineData("INCREMENTAL FROM LSN: 1/0\nINCREMENTAL FROM TLI: 3\n")]
    public void Formats_what_it_read(string rest) => Assert.Equal(Sample + rest, Encoding.UTF8.GetString(Parse(Sample + rest).Format()));

    [Theory]
    [InlineData("0/A000028 (file", "0/0 (file")]
    [InlineData("(file 00000001000000000000000A)", "(file 00000001000000000000000g)")]
    [InlineData("(file 00000001000000000000000A)", "00000001000000000000000A")]
    [InlineData("CHECKPOINT LOCATION: 0/A000080\n", "")]
    [InlineData("streamed", "copied")]
    [InlineData("primary", "elsewhere")]
    [InlineData("START TIMELINE: 1", "START TIMELINE: 0")]
    [InlineData("START TIMELINE: 1", "START TIMELINE: 4294967296")]
    [InlineData("START TIMELINE: 1", "START TIMELINE: -1")]
    [InlineData("START TIMELINE: 1\n", "START TIMELINE: 1")]
    [InlineData("START TIMELINE: 1\n", "START TIMELINE: 1\nINCREMENTAL FROM LSN: 0/1000028\n")]
    [InlineData("START TIMELINE: 1\n", "START TIMELINE: 1\nINCREMENTAL FROM TLI: 1\n")]
    [InlineData("START TIMELINE: 1\n", "START TIMELINE: 1\nSTART TIMELINE: 1\n")]
    [InlineData("20261123-151600F", "x\nSTART TIMELINE: 7")]
    [InlineData("UTC", "UTC\r")]
    public void Refuses_a_label_that_no_server_wrote(string from, string to) =>
        Assert.Throws<DamagedException>(() => Parse(Sample.Replace(from, to, StringComparison.Ordinal)));

    [Fact]
    public void Refuses_more_than_it_reads_and_bytes_that_are_no_text()
    {
        Assert.Throws<DamagedException>(() => BackupLabel.Parse(new byte[BackupLabel.MaxBytes + 1]));
        Assert.Throws<DamagedException>(() => BackupLabel.Parse([0xFF, 0xFE]));
        Assert.Throws<DamagedException>(() => BackupLabel.Parse([]));
    }

    [Theory]
    [InlineData("a\nSTART TIMELINE: 7")]
    [InlineData("a\rb")]
    public void Refuses_to_format_a_label_with_a_line_break(string text) =>
        Assert.Throws<ArgumentException>(() => (Parse(Sample) with { Label = text }).Format());

    [Fact]
    public void Any_bytes_are_parsed_or_refused_as_damaged() => Gen.Byte.Array[0, 400].Select(Gen.Int[0, Sample.Length - 1]).Sample((noise, at) =>
    {
        var bytes = Encoding.ASCII.GetBytes(Sample[..at]).Concat(noise).ToArray();
        try { Assert.Equal(bytes, BackupLabel.Parse(bytes).Format()); }
        catch (DamagedException) { }
    });

    private static BackupLabel Parse(string text) => BackupLabel.Parse(Encoding.UTF8.GetBytes(text));
}
