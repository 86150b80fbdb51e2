namespace VirtioFsStore.Benchmarks.Dax;

/// <summary>What guests that have read the same file hold on the host, beyond what they held before.</summary>
/// <param name="Name">The VMM, and how the data came.</param>
/// <param name="IsShared">Guests are meant to share it.</param>
/// <param name="DataSize">Bytes of the file.</param>
/// <param name="Bytes">By the number of guests: the VMMs' and daemons' Pss and the file's cached pages.</param>
sealed record DaxMemoryRow(string Name, bool IsShared, long DataSize, IReadOnlyDictionary<int, long> Bytes)
{
    /// <summary>What the second guest adds, of the data's size.</summary>
    public double Second => Bytes.TryGetValue(2, out var two) && Bytes.TryGetValue(1, out var one) ? (two - one) / (double)DataSize : double.NaN;
}
