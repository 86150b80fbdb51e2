using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Fetching;
using VirtioFsStore.Backends.Overlay.Images;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Tests.Merge;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.Overlay.Tests.Images;

/// <summary>A layer's content whose pieces a test can take away: absent pieces have other bytes in the data file.</summary>
sealed class TestContent : LayerContent
{
    readonly FileStream _file;
    readonly byte[] _data;
    readonly ulong[] _words;
    readonly List<Piece> _pieces;

    public TestContent(string path, TestLayer layer)
    {
        _data = layer.Data;
        _pieces = layer.Pieces;
        _words = new ulong[layer.Pieces.Count];
        Array.Fill(_words, StateFile.Word(PieceState.Present, 0));
        File.WriteAllBytes(path, _data);
        _file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, 0);
    }

    public override int Descriptor => (int)_file.SafeFileHandle.DangerousGetHandle();

    /// <summary>What is done when pieces are asked for; by default they are filled at once.</summary>
    public Func<long, int, CancellationToken, ValueTask<Errno>>? OnEnsure { get; set; }

    /// <summary>Runs at each look at a word, with the number of looks so far.</summary>
    public Action<int>? OnLook { get; set; }

    public int Looks { get; private set; }

    public List<(long First, int Count)> Asked { get; } = [];

    public void Evict(long piece)
    {
        _words[piece] = ((_words[piece] >> 32) + 1) << 32;
        var (offset, length) = (_pieces[(int)piece].DataOffset, _pieces[(int)piece].Length);
        RandomAccess.Write(_file.SafeFileHandle, Enumerable.Repeat((byte)0xee, (int)length).ToArray(), offset);
    }

    public void Fill(long piece)
    {
        var (offset, length) = (_pieces[(int)piece].DataOffset, _pieces[(int)piece].Length);
        RandomAccess.Write(_file.SafeFileHandle, _data.AsSpan((int)offset, (int)length), offset);
        _words[piece] |= (uint)PieceState.Present;
    }

    public void CutShort(long length) => _file.SetLength(length);

    /// <summary>What reading past the cache gives; by default nothing can.</summary>
    public Func<long, int, long, int, CancellationToken, ValueTask<ReadThrough>>? OnReadThrough { get; set; }

    public override ValueTask<ReadThrough> ReadThroughAsync(long first, int count, long offset, int length, CancellationToken cancellation) =>
        OnReadThrough?.Invoke(first, count, offset, length, cancellation) ?? new(new ReadThrough(Errno.EIO, null));

    /// <summary>What is lent; by default nothing can be.</summary>
    public Func<LentData>? OnLend { get; set; }

    public override ValueTask<LentData> LendAsync(CancellationToken cancellation) => new(OnLend?.Invoke() ?? new LentData(Errno.EOPNOTSUPP, null));

    public (long First, int Count) Touched { get; private set; }

    public override void Touch(long first, int count) => Touched = (first, count);

    public override ulong WordOf(long piece)
    {
        OnLook?.Invoke(Looks++);
        return _words[piece];
    }

    public override ValueTask<Errno> EnsureAsync(long first, int count, CancellationToken cancellation)
    {
        Asked.Add((first, count));
        if (OnEnsure is not null)
            return OnEnsure(first, count, cancellation);
        for (var i = 0; i < count; i++)
            Fill(first + i);
        return new(Errno.None);
    }

    protected override void Dispose(bool disposing) => _file.Dispose();
}
