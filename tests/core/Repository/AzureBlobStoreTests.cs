using Azure.Core;
using Azure.Core.Pipeline;
using Holdfast.Core.Repository;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Core.Repository;

[Collection(AzuriteCollection.Name)]
public class AzureBlobStoreTests(SharedAzurite azurite)
{
    [NeedsTheory(Needs.Azurite)]
    [MemberData(nameof(ObjectStoreContract.Facts), MemberType = typeof(ObjectStoreContract))]
    public async Task Keeps_the_contract(string fact)
    {
        using var services = BlobServices.Open(azurite.NewCluster());
        await services.Admin.CreateContainerAsync(services.Names.Data, CancellationToken.None);
        await ObjectStoreContract.Check(fact, services.Data);
    }

    [NeedsTheory(Needs.Azurite)]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData((4 << 20) + 1)]
    [InlineData(80 << 20)]
    [InlineData(300 << 20)]
    public async Task Uploads_by_exactly_one_Put_Blob_that_cannot_overwrite(int length)
    {
        var recorder = new RequestRecorder();
        var settings = azurite.NewCluster();
        using var services = BlobServices.Open(settings, new StoreCalls(settings.Calls), recorder);
        await services.Admin.CreateContainerAsync(services.Names.Data, CancellationToken.None);
        recorder.Requests.Clear();
        var opened = 0;
        var content = new BlobContent(length, () =>
        {
            opened++;
            return new ZeroStream(length);
        });

        Assert.Equal(CreateOutcome.Created, await services.Data.CreateAsync("1/wal/x", content, CancellationToken.None));

        var put = Assert.Single(recorder.Requests);
        Assert.Equal((1, "PUT", "", "*", "BlockBlob"), (opened, put.Method, put.Query, put.IfNoneMatch, put.BlobType));
        Assert.Equal(length, (await services.Data.GetPropertiesAsync("1/wal/x", CancellationToken.None))!.Length);
    }

    [NeedsFact(Needs.Azurite)]
    public async Task Listing_goes_over_pages()
    {
        using var services = BlobServices.Open(azurite.NewCluster());
        await services.Admin.CreateContainerAsync(services.Names.Log, CancellationToken.None);
        await Parallel.ForAsync(0, 5_010, async (i, token) => await services.Log.CreateAsync(BlobNames.Log(i), BlobContent.From(default), token));
        var names = await services.Log.ListAsync("log/", CancellationToken.None).Select(entry => entry.Name).ToListAsync();
        Assert.Equal(Enumerable.Range(0, 5_010).Select(i => BlobNames.Log(i)), names);
    }

    private sealed record Recorded(string Method, string Query, string? IfNoneMatch, string? BlobType);

    private sealed class RequestRecorder : HttpPipelineSynchronousPolicy
    {
        public List<Recorded> Requests { get; } = [];

        public override void OnSendingRequest(HttpMessage message)
        {
            message.Request.Headers.TryGetValue("If-None-Match", out var ifNoneMatch);
            message.Request.Headers.TryGetValue("x-ms-blob-type", out var blobType);
            Requests.Add(new Recorded(message.Request.Method.Method, message.Request.Uri.Query, ifNoneMatch, blobType));
        }
    }

    /// <summary>Zeros without memory: an upload that buffered its body would show.</summary>
    private sealed class ZeroStream(long length) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => true;

        public override bool CanWrite => false;

        public override long Length => length;

        public override long Position { get; set; }

        public override int Read(byte[] buffer, int offset, int count)
        {
            var got = (int)Math.Min(count, length - Position);
            buffer.AsSpan(offset, got).Clear();
            Position += got;
            return got;
        }

        public override long Seek(long offset, SeekOrigin origin) => Position = origin switch
        {
            SeekOrigin.Begin => offset,
            SeekOrigin.Current => Position + offset,
            _ => length + offset,
        };

        public override void Flush()
        {
        }

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
