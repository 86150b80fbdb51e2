using VirtioFsStore.Backends.Overlay.Transfer;

namespace VirtioFsStore.Backends.Overlay.Tests.Transfer;

/// <summary>Keeps what a push reports.</summary>
sealed class Blobs : IProgress<BlobProgress>
{
    readonly Lock _lock = new();
    readonly List<BlobProgress> _all = [];

    public IReadOnlyList<IReadOnlyList<BlobProgress>> ByBlob
    {
        get { lock (_lock) return [.. _all.GroupBy(progress => progress.Blob.Digest).Select(group => (IReadOnlyList<BlobProgress>)[.. group])]; }
    }

    public void Report(BlobProgress value)
    {
        lock (_lock) _all.Add(value);
    }
}
