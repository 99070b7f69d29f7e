using CsCheck;
using Holdfast.Agent.Backup;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository.Packs;
using Holdfast.Tests.Core.Repository.Packs;

namespace Holdfast.Tests.Agent.Backup;

public sealed class StretchQueueTests
{
    private const int Part = 4 * 8192;

    [Fact]
    public void Every_byte_of_every_file_is_given_out_once_and_in_order() =>
        Gen.Select(Gen.Long[0, 300 << 20].Array[0, 40], Gen.Int[1, 4], Gen.Int[0, 40]).Sample((lengths, workers, skipped) =>
        {
            var files = Files(lengths);
            var queue = new StretchQueue(files, workers, file => file == skipped);
            var given = new List<(int File, long Offset, long Length)>();
            while (queue.TryTake(out var stretch))
            {
                if (stretch.Part is not null) given.Add((stretch.FirstFile, stretch.Offset, stretch.Length));
                else given.AddRange(Enumerable.Range(stretch.FirstFile, stretch.FileCount).Select(file => (file, 0L, lengths[file])));
                Assert.True(stretch.Length <= StretchQueue.Largest && stretch.Offset % PackFormat.BlockSize == 0);
            }
            var next = 0L;
            for (var i = 0; i < given.Count; i++)
            {
                var isNext = i == 0 || given[i].File != given[i - 1].File;
                Assert.True(isNext ? i == 0 || given[i].File > given[i - 1].File : given[i].Offset == next, $"{given[i]} follows {(i == 0 ? "nothing" : given[i - 1])}");
                Assert.True(!isNext || given[i].Offset == 0, $"{given[i]} is not the beginning of its file");
                next = given[i].Offset + given[i].Length;
            }
            for (var file = 0; file < lengths.Length; file++)
                Assert.Equal(file == skipped ? -1 : lengths[file], given.Any(part => part.File == file) ? given.Where(part => part.File == file).Sum(part => part.Length) : -1);
        }, iter: 300);

    [Fact]
    public void A_file_that_is_no_relations_is_never_split()
    {
        var files = new ScannedFiles(BackupWorld.VersionDirectory);
        files.Add(FileId.FromPath("log/huge", BackupWorld.VersionDirectory), new FileFacts(FileKind.Other, 1L << 40, 0x180, "p", "p", new PostgresTime(0)));
        files.Sort();
        var queue = new StretchQueue(files, 2, _ => false);
        Assert.True(queue.TryTake(out var all));
        Assert.Equal(new Stretch(0, 1), all);
        Assert.False(queue.TryTake(out _));
    }

    [Fact]
    public void Parts_that_end_early_leave_no_gap()
    {
        // Each part: how much of it is there when it is read; and in which order two workers read.
        Gen.Select(Gen.Int[0, 4].Array[2, 6], Gen.Int[0, int.MaxValue]).Sample((have, seed) =>
        {
            var files = Files([have.Length * Part]);
            var split = new SplitFile(files, 0);
            for (var i = 0; i < have.Length; i++) split.Add((i + 1) * Part, i == have.Length - 1);
            // Pairs run side by side: the second begins before the first ends.
            var pairs = seed % 2 == 0;
            var done = new long[have.Length];
            for (var i = 0; i < have.Length; i += pairs ? 2 : 1)
            {
                var group = Enumerable.Range(i, Math.Min(pairs ? 2 : 1, have.Length - i)).ToArray();
                var begun = group.Select(part => split.Begin(part * Part, Part)).ToArray();
                foreach (var (part, began) in group.Zip(begun))
                {
                    var read = began ? have[part] * 8192L : 0;
                    if (began && read < Part && split.EndEarly(part * Part, Part, read)) read = Part;
                    split.Finish(part * Part, read, 0);
                    done[part] = read;
                }
            }
            var length = files.Length(0);
            for (var part = 0; part < have.Length; part++)
                Assert.True(done[part] == Math.Clamp(length - part * Part, 0, Part), $"the file has {length} bytes, part {part} gave {done[part]}");
        }, iter: 500);
    }

    [Theory]
    [InlineData(false, true, 0)]
    [InlineData(true, false, 2 * Part)] // the second part was there, so the first, which was gone when its turn came, is zeros
    public void The_first_who_opens_a_file_decides_whether_it_is_there(bool first, bool second, int length)
    {
        var files = Files([2 * Part]);
        var split = new SplitFile(files, 0);
        split.Add(Part, isLast: false);
        split.Add(2 * Part, isLast: true);
        Assert.True(split.Begin(0, Part));
        Assert.True(split.Begin(Part, Part));
        // The worker of the second part is the first to look.
        Assert.Equal(first, split.Meet(first));
        Assert.Equal(first, split.Meet(second));
        if (first) Assert.True(split.EndEarly(0, Part, 0));
        split.Finish(Part, first ? Part : 0, 0);
        Assert.True(split.Finish(0, first ? Part : 0, 0));
        Assert.Equal((!first, (long)length), (files.IsGone(0), files.Length(0)));
    }

    private static ScannedFiles Files(long[] lengths)
    {
        var files = new ScannedFiles(BackupWorld.VersionDirectory);
        for (var i = 0; i < lengths.Length; i++) files.Add(BackupWorld.File((uint)i + 1), new FileFacts(FileKind.Relation, lengths[i], 0x180, "p", "p", new PostgresTime(0)));
        files.Sort();
        return files;
    }
}
