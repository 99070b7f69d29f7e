namespace Holdfast.Tests.Core.Repository;

public class MemoryObjectStoreTests
{
    [Theory]
    [MemberData(nameof(ObjectStoreContract.Facts), MemberType = typeof(ObjectStoreContract))]
    public Task Keeps_the_contract(string fact) => ObjectStoreContract.Check(fact, new MemoryObjectStore());
}
