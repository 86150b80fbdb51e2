namespace VirtioFsStore.Core.Dax;

/// <summary>What a session has in its guest's window, and has had; counting goes on meanwhile.</summary>
/// <param name="Mappings">Parts of files that are mapped now.</param>
/// <param name="Parts">What the VMM holds for them now: each is a region of memory of its own there, of which QEMU survives 509.</param>
/// <param name="MostParts">The most at a time so far.</param>
/// <param name="Mapped">Bytes that the guest sees through them now.</param>
/// <param name="Copied">Those of <paramref name="Mapped"/> that were copied into memory of this guest's own.</param>
/// <param name="CopiedInAll">Bytes that were copied so far.</param>
public readonly record struct WindowCounts(int Mappings, int Parts, int MostParts, ulong Mapped, ulong Copied, ulong CopiedInAll)
{
    /// <summary>With the totals of an earlier window of the session.</summary>
    public WindowCounts After(in WindowCounts earlier) =>
        this with { MostParts = Math.Max(MostParts, earlier.MostParts), CopiedInAll = CopiedInAll + earlier.CopiedInAll };
}
