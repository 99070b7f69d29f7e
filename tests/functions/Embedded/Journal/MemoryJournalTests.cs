using Holdfast.Functions.Embedded.Journal;
using Holdfast.Tests.Functions.Workflows;

namespace Holdfast.Tests.Functions.Embedded.Journal;

public class MemoryJournalTests
{
    [Theory]
    [MemberData(nameof(JournalContract.Facts), MemberType = typeof(JournalContract))]
    public Task Keeps_the_contract(string fact) => JournalContract.Check(fact, new MemoryJournal());

    [Theory]
    [MemberData(nameof(WorkflowContract.Facts), MemberType = typeof(WorkflowContract))]
    public async Task Carries_workflows(string fact)
    {
        await using var world = new JournaledWorld(new MemoryJournal());
        await WorkflowContract.Check(fact, world);
    }
}
