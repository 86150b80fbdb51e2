namespace VirtioFsStore.Backends.ObjectStore.Sources;

public static class RangeSourceExtensions
{
    /// <summary>Reads a range into memory.</summary>
    /// <exception cref="SourceException">It cannot be read wholly.</exception>
    public static async ValueTask ReadAsync(this IRangeSource source, long offset, Memory<byte> into, CancellationToken cancellation)
    {
        if (into.IsEmpty) return;
        var stream = await source.OpenAsync(offset, into.Length, cancellation).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            for (var have = 0; have < into.Length;)
            {
                var read = await stream.ReadAsync(into[have..], cancellation).ConfigureAwait(false);
                if (read == 0) throw new SourceException($"{source.Name} ended at byte {offset + have} of {source.Size}");
                have += read;
            }
        }
    }
}
