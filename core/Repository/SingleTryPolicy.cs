using Azure.Core;
using Azure.Core.Pipeline;

namespace Holdfast.Core.Repository;

/// <summary>
/// Keeps the SDK from reconnecting in the middle of a body: Azure.Storage's download streams ask for the rest up to five times by themselves when they
/// meet an IOException, whatever MaxRetries says. Here each broken read becomes a <see cref="BodyCutException"/>, which only
/// <see cref="StoreCalls"/> repeats.
/// <para>Bodies of refusals are dropped. All that counts is in the status and the headers (x-ms-error-code); the SDK would throw XmlException instead of
/// the status where a proxy's or a HEAD's body is no XML, and Azure quotes signatures in them.</para>
/// </summary>
internal sealed class SingleTryPolicy : HttpPipelinePolicy
{
    public override void Process(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline)
    {
        ProcessNext(message, pipeline);
        Guard(message);
    }

    public override async ValueTask ProcessAsync(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline)
    {
        await ProcessNextAsync(message, pipeline).ConfigureAwait(false);
        Guard(message);
    }

    private static void Guard(HttpMessage message)
    {
        if (!message.HasResponse || message.Response.ContentStream is not { } body) return;
        if (message.Response.Status < 400)
        {
            message.Response.ContentStream = new BodyStream(body);
            return;
        }
        message.Response.ContentStream = null;
        body.Dispose();
    }

    private sealed class BodyStream(Stream body) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(Span<byte> buffer)
        {
            try
            {
                return body.Read(buffer);
            }
            catch (Exception e) when (e is IOException or HttpRequestException)
            {
                throw Cut(e);
            }
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            try
            {
                return await body.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception e) when (e is IOException or HttpRequestException)
            {
                throw Cut(e);
            }
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing) body.Dispose();
            base.Dispose(disposing);
        }

        private static BodyCutException Cut(Exception cause) => new($"the answer's body broke off: {cause.Message}", cause);
    }
}
