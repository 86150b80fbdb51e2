using System.Collections;
using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Merge;

namespace VirtioFsStore.Backends.Overlay.Tests.Merge;

/// <summary>A layer in memory: entries in tar order, the data of its files as a layer's data file has it, and its pieces.</summary>
sealed class TestLayer : IEnumerable<TestEntry>
{
    readonly List<TestEntry> _entries = [];
    byte[] _data = [];

    /// <summary>Files are cut into pieces at multiples of this in the data, as spans of a compressed stream would.</summary>
    public long SpanSize { get; init; } = 1 << 20;

    public List<Piece> Pieces { get; } = [];

    public byte[] Data => _data;

    public TestLayer Add(TestEntry entry)
    {
        _entries.Add(entry);
        return this;
    }

    public TestLayer Directory(string path, uint mode = 0x1ed, uint uid = 0, long mtime = 0) =>
        Add(new TestEntry(LayerEntryType.Directory, path) { Mode = mode, Uid = uid, Mtime = mtime });

    public TestLayer Symlink(string path, string target) => Add(new TestEntry(LayerEntryType.Symlink, path) { Link = target });

    public TestLayer HardLink(string path, string target) =>
        Add(new TestEntry(LayerEntryType.HardLink, path) { Link = target, Mode = 0, Uid = 99, Mtime = 99 });

    public TestLayer Whiteout(string path) => Add(new TestEntry(LayerEntryType.Whiteout, path));

    public TestLayer Opaque(string path) => Add(new TestEntry(LayerEntryType.Opaque, path));

    public TestLayer File(string path, string content = "", uint mode = 0x1a4, long mtime = 0) =>
        File(new TestEntry(LayerEntryType.Regular, path) { Mode = mode, Mtime = mtime }, TestEntry.Bytes(content));

    /// <summary>Adds a file's data; extents of the entry say which of it are not holes.</summary>
    public TestLayer File(TestEntry entry, byte[] content)
    {
        long offset = _data.Length;
        Array.Resize(ref _data, _data.Length + ((content.Length + 4095) & ~4095));
        content.CopyTo(_data, offset);
        var first = Pieces.Count;
        var pages = new HashSet<long>();
        foreach (var (start, length) in entry.Extents.Count > 0 ? entry.Extents : [(0, content.Length)])
        {
            for (var at = start; at < start + length;)
            {
                var end = Math.Min(start + length, (((offset + at) / SpanSize) + 1) * SpanSize - offset);
                Pieces.Add(new Piece(Pieces.Count, _entries.Count, offset + at, end - at, 0, 0, new byte[32]));
                for (var page = at / 4096; page <= (end - 1) / 4096; page++)
                    pages.Add(page);
                at = end;
            }
        }

        return Add(entry with
        {
            Size = content.Length,
            DataOffset = offset,
            Allocated = 4096L * pages.Count,
            FirstPiece = first,
            PieceCount = Pieces.Count - first,
        });
    }

    public static MergedImage Merge(params TestLayer[] layers) => Merge(NameTable.MaxNames, layers);

    public static MergedImage Merge(int maxNames, params TestLayer[] layers) => Merge(new LayerMerger(maxNames), layers);

    public static MergedImage Merge(MergeBudget budget, params TestLayer[] layers) => Merge(new LayerMerger(budget: budget), layers);

    static MergedImage Merge(LayerMerger merger, TestLayer[] layers)
    {
        for (var i = 0; i < layers.Length; i++)
        {
            merger.BeginLayer(new MergedLayer($"sha256:{i}", layers[i]._data.Length, layers[i].Pieces.Count));
            foreach (var entry in layers[i])
                merger.Hide(entry.ToEntry(0));
            foreach (var entry in layers[i])
                merger.Apply(entry.ToEntry(0));
        }

        return merger.Finish();
    }

    public IEnumerator<TestEntry> GetEnumerator() => _entries.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
