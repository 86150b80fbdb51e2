namespace VirtioFsStore.Backends.Overlay.Merge;

/// <summary>A name in a directory while layers are merged; chained in a hash bucket and among its siblings.</summary>
struct MergedName
{
    public int Parent;
    public int Node;
    public int NameOffset;
    public int NameLength;
    public uint Hash;
    public int NextInBucket;
    public int NextSibling;
    public int PreviousSibling;
}
