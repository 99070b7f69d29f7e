namespace Holdfast.Core.Sealing;

/// <summary>A finished object: its head (P ‖ S ‖ X ‖ G) in memory, its frames in a spool. <see cref="Open"/> may be called once per attempt to send it.</summary>
public sealed class SealedObject(byte[] head, FrameSpool frames)
{
    /// <summary>P ‖ S ‖ X ‖ G.</summary>
    public ReadOnlyMemory<byte> Head => head;

    /// <summary>Bytes of the whole object.</summary>
    public long Length => head.Length + frames.Length;

    /// <summary>A new seekable stream of the object's bytes.</summary>
    public Stream Open() => new Body(head, frames);

    private sealed class Body(byte[] head, FrameSpool frames) : Stream
    {
        private long _position;

        public override bool CanRead => true;

        public override bool CanSeek => true;

        public override bool CanWrite => false;

        public override long Length => head.Length + frames.Length;

        public override long Position
        {
            get => _position;
            set => _position = value is >= 0 && value <= Length ? value : throw new ArgumentOutOfRangeException(nameof(value));
        }

        public override int Read(Span<byte> buffer)
        {
            if (buffer.IsEmpty) return 0;
            int count;
            if (_position < head.Length)
            {
                count = Math.Min(buffer.Length, head.Length - (int)_position);
                head.AsSpan((int)_position, count).CopyTo(buffer);
            }
            else
            {
                count = frames.Read(buffer, _position - head.Length);
            }
            _position += count;
            return count;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => new(Read(buffer.Span));

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            Task.FromResult(Read(buffer.AsSpan(offset, count)));

        public override long Seek(long offset, SeekOrigin origin) => Position = origin switch
        {
            SeekOrigin.Begin => offset,
            SeekOrigin.Current => _position + offset,
            _ => Length + offset,
        };

        public override void Flush()
        {
        }

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
