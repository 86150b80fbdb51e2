using VirtioFsStore.Backends.ObjectStore.Sources;

namespace VirtioFsStore.Fuzz.Images;

/// <summary>A blob in memory, given out in pieces as a slow source would.</summary>
sealed class MemorySource(byte[] bytes, int most) : IRangeSource
{
    public string Name => "blob";

    public long Size => bytes.Length;

    public SourceIdentity Identity => default;

    public ValueTask<int> ReadAsync(long offset, Memory<byte> into, CancellationToken cancellation)
    {
        if (offset < 0 || offset >= bytes.Length)
            return new(0);
        var count = Math.Min(Math.Min(into.Length, most), bytes.Length - (int)offset);
        bytes.AsMemory((int)offset, count).CopyTo(into);
        return new(count);
    }

    public ValueTask DisposeAsync() => default;
}
