using VirtioFsStore.Backends.ObjectStore.Sources;

namespace VirtioFsStore.Fuzz.Images;

/// <summary>A blob in memory, given out in pieces as a slow source would.</summary>
sealed class MemorySource(byte[] bytes, int most) : IRangeSource
{
    public string Name => "blob";

    public long Size => bytes.Length;

    public SourceIdentity Identity => default;

    public ValueTask<Stream> OpenAsync(long offset, long length, CancellationToken cancellation) =>
        offset < 0 || length < 1 || length > bytes.Length - offset
            ? throw new SourceException($"no bytes {offset} to {offset + length} of {bytes.Length}")
            : new(new Reading(bytes.AsMemory((int)offset, (int)length), most));

    public ValueTask DisposeAsync() => default;

    sealed class Reading(Memory<byte> rest, int most) : RangeStream
    {
        Memory<byte> _rest = rest;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var count = Math.Min(Math.Min(buffer.Length, most), _rest.Length);
            _rest[..count].CopyTo(buffer);
            _rest = _rest[count..];
            return new(count);
        }
    }
}
