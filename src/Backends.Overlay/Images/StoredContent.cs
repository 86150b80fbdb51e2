using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Fetching;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Tree;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.Overlay.Images;

/// <summary>A layer's data file and its state file, the latter mapped. The words are written by the keeper; whatever a damaged
/// one says, the worst is an error or the data file's own bytes.</summary>
sealed unsafe class StoredContent : LayerContent
{
    readonly FileDescriptor _data;
    readonly byte* _state;
    readonly nuint _stateSize;
    readonly ulong* _words;
    readonly long _pieces;
    readonly int _layer;
    readonly IPieceSource? _source;
    readonly UseMapWriter _use;
    bool _unmapped;

    StoredContent(FileDescriptor data, byte* state, nuint stateSize, TreeLayer layer, int position, UseMapWriter use, IPieceSource? source)
    {
        _data = data;
        _state = state;
        _stateSize = stateSize;
        _words = (ulong*)(state + StateFile.HeaderSize);
        _pieces = layer.PieceCount;
        _layer = position;
        _source = source;
        _use = use;
    }

    ~StoredContent() => Unmap();

    public override int Descriptor => _data.Value;

    /// <summary>Takes over <paramref name="data"/>; <paramref name="state"/> is not needed afterwards.</summary>
    /// <param name="layer">What the tree says of the layer.</param>
    /// <param name="position">Which of the image's layers it is.</param>
    /// <param name="data">The data file, for reading.</param>
    /// <param name="state">The state file, for reading.</param>
    /// <param name="use">The layer's use map.</param>
    /// <param name="source">Whom to ask for absent pieces; without one they are EIO.</param>
    /// <exception cref="ImageException">The files are not those of the layer that the tree was made from.</exception>
    public static StoredContent Open(TreeLayer layer, int position, FileDescriptor data, int state, int use, IPieceSource? source)
    {
        CheckSize(layer, data.Value, "data", layer.DataSize);
        var size = StateFile.FileSize(layer.PieceCount);
        CheckSize(layer, state, "state", size);
        SystemCallException.ThrowIfError(
            MemoryMaps.Map((nuint)size, MemoryMaps.PROT_READ, MemoryMaps.MAP_SHARED, state, 0, out var start), "mmap", $"the state of layer {layer.Digest}");
        var header = (ulong*)start;
        if (header[0] == StateFile.Magic && (uint)header[1] == StateFile.Version && header[2] == (ulong)layer.PieceCount)
        {
            try
            {
                return new StoredContent(data, start, (nuint)size, layer, position, new UseMapWriter(use, layer.PieceCount), source);
            }
            catch (CacheException)
            {
                _ = MemoryMaps.Unmap(start, (nuint)size);
                throw Mismatch(layer, "use", "is not for as many pieces as the layer has");
            }
        }

        _ = MemoryMaps.Unmap(start, (nuint)size);
        throw Mismatch(layer, "state", "does not begin as that of this layer does");
    }

    public override ulong WordOf(long piece) =>
        (ulong)piece < (ulong)_pieces ? Volatile.Read(ref _words[piece]) : 0;

    public override void Touch(long first, int count) => _use.Touch(first, count);

    public override ValueTask<Errno> EnsureAsync(long first, int count, CancellationToken cancellation) =>
        _source is null ? new(Errno.EIO) : _source.FetchAsync(_layer, first, count, cancellation);

    public override ValueTask<ReadThrough> ReadThroughAsync(long first, int count, long offset, int length, CancellationToken cancellation) =>
        _source is null ? new(new ReadThrough(Errno.EIO, null)) : _source.ReadThroughAsync(_layer, first, count, offset, length, cancellation);

    public override ValueTask<LentData> LendAsync(CancellationToken cancellation) =>
        _source is null ? new(new LentData(Errno.EIO, null)) : _source.LendAsync(_layer, cancellation);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _data.Dispose();
            _use.Dispose();
        }

        Unmap();
    }

    static void CheckSize(TreeLayer layer, int fd, string file, long expected)
    {
        SystemCallException.ThrowIfError(FileShape.OfDescriptor(fd, out var shape), "statx", $"the {file} of layer {layer.Digest}");
        if (!shape.IsRegular || shape.Size < expected)
            throw Mismatch(layer, file, $"has {shape.Size} bytes and should have {expected}");
    }

    static ImageException Mismatch(TreeLayer layer, string file, string why) =>
        new($"the {file} file of layer {layer.Digest} {why}; delete the layer's folder and the trees from the store and they are built again");

    void Unmap()
    {
        if (_unmapped)
            return;
        _unmapped = true;
        _ = MemoryMaps.Unmap(_state, _stateSize);
    }
}
