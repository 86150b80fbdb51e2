namespace VirtioFsStore.Backends.ObjectStore.Tests.Cache;

/// <summary>What of a file is in the page cache, and what of it may be on the disk: each sector as it was at any time since the last sync. A sync
/// that failed leaves some sectors clean that never reached the disk.</summary>
sealed class ModelFile(byte[] content)
{
    const int Sector = 512;

    readonly byte[] _disk = [.. content];
    readonly Dictionary<int, List<byte[]>> _pending = [];

    /// <summary>As a process that comes after a kill finds it.</summary>
    public byte[] Cached { get; } = [.. content];

    public void Write(long offset, byte[] bytes)
    {
        bytes.CopyTo(Cached, offset);
        for (var sector = (int)(offset / Sector); sector * Sector < offset + bytes.Length; sector++)
        {
            if (!_pending.TryGetValue(sector, out var versions)) _pending[sector] = versions = [];
            versions.Add(Slice(Cached, sector).ToArray());
        }
    }

    public void Sync()
    {
        foreach (var (sector, versions) in _pending) versions[^1].CopyTo(Slice(_disk, sector));
        _pending.Clear();
    }

    public void FailSync(Random random)
    {
        foreach (var (sector, versions) in _pending)
            if (random.Next(2) == 0)
                versions[random.Next(versions.Count)].CopyTo(Slice(_disk, sector));
        _pending.Clear();
    }

    /// <summary>As the next boot finds it.</summary>
    public byte[] Cut(Random random)
    {
        byte[] left = [.. _disk];
        foreach (var (sector, versions) in _pending)
        {
            // As often all of it or nothing as anything between.
            var version = random.Next(3) switch { 0 => -1, 1 => versions.Count - 1, _ => random.Next(-1, versions.Count) };
            if (version >= 0) versions[version].CopyTo(Slice(left, sector));
        }

        return left;
    }

    static Span<byte> Slice(byte[] file, int sector) => file.AsSpan(sector * Sector, Math.Min(Sector, file.Length - sector * Sector));
}
