namespace VirtioFsStore.Backends.ObjectStore.Cache;

/// <summary>What came of reading what a cache has.</summary>
/// <param name="Pieces">That were compared with their digests.</param>
/// <param name="Bytes">In them.</param>
/// <param name="Damaged">Numbers of those that had other bytes: the first <see cref="MaxListed"/>. They are absent now.</param>
/// <param name="DamagedCount">How many there were.</param>
public sealed record VerifyResult(long Pieces, long Bytes, IReadOnlyList<long> Damaged, long DamagedCount)
{
    public const int MaxListed = 1000;
}
