#pragma warning disable CA1822, IDE0051, IDE0052, IDE0060
using System.Diagnostics;

// Code that breaks each rule, in namespaces below a root of its own: proof that the rules can fail.
namespace Holdfast.Tests.Architecture.Fixture
{
    internal static class Anywhere
    {
        public static void Print() => Console.WriteLine("x");

        public static async Task Start()
        {
            await Task.Yield();
            using var process = new Process();
        }
    }
}

namespace Holdfast.Tests.Architecture.Fixture.Repository
{
    internal sealed class Store;
}

namespace Holdfast.Tests.Architecture.Fixture.Sealing
{
    internal sealed class Sealer
    {
        public Repository.Store? Property { get; init; }
    }
}

namespace Holdfast.Tests.Architecture.Fixture.Postgres
{
    internal sealed class Parser
    {
        public List<Sealing.Sealer[]> InSignature() => [];

        public object InBody() => new Func<object>(() => new Repository.Store())();
    }
}

namespace Holdfast.Tests.Architecture.Fixture.Embedded
{
    internal sealed class Engine;
}

namespace Holdfast.Tests.Architecture.Fixture.Activities
{
    internal sealed class Effect
    {
        public Embedded.Engine? Engine { get; init; }
    }
}

namespace Holdfast.Tests.Architecture.Fixture.Workflows
{
    internal sealed class Orchestration
    {
        public Embedded.Engine? Engine { get; init; }

        public async Task<object[]> Guess(Azure.Data.Tables.TableClient? table)
        {
            await Task.Delay(1);
            return [Guid.NewGuid(), DateTimeOffset.UtcNow, File.Exists(table?.Name)];
        }
    }
}

namespace Holdfast.Tests.Architecture.Fixture.Continuity
{
    internal sealed class Chain
    {
        public Azure.ETag Tag { get; set; }

        public IEnumerable<bool> InIterator(string path)
        {
            yield return File.Exists(path);
        }

        public object[] Clocks() => [DateTime.UtcNow, DateTimeOffset.UtcNow, TimeProvider.System, Stopwatch.GetTimestamp()];
    }
}

namespace Holdfast.Tests.Architecture.Fixture.Retention
{
    internal static class Clean
    {
        public static (DateTimeOffset, Stream) TimeAsAValue(DateTimeOffset now) => (now.AddDays(1), Stream.Null);
    }
}
