using System.Security.Cryptography;
using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Decompression;
using VirtioFsStore.Backends.ObjectStore.Fetching;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.ObjectStore.Tests.Cache;
using VirtioFsStore.Core.Interop;
using Xunit;
using Codec = VirtioFsStore.Backends.ObjectStore.Decompression.Compression;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Fetching;

[Collection(nameof(Alone))]
public sealed class MemoryBoundTests : IDisposable
{
    const int BlockSize = 1 << 20;

    /// <summary>Prime to the block, so that pieces do not begin with blocks.</summary>
    const int FileSize = 3_000_001;

    readonly string _folder = Directory.CreateTempSubdirectory("vfs-memory").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_layer_of_one_large_frame_is_filled_with_little_memory()
    {
        var blocks = Repeats.Of(64);
        var map = await MakeAsync(blocks);
        var files = new LayerFiles(Path.Combine(_folder, "data"), Path.Combine(_folder, "state"), null);
        using (var data = File.Create(files.Data)) data.SetLength(map.DataSize);
        StateFile.Create(files.State, map.PieceCount, PieceState.Absent);
        await using var cache = new LayerCache(
            PieceStore.Open(files, () => map), _ => new(FileRangeSource.Open(Path.Combine(_folder, "blob"), default)));
        var before = GC.GetTotalAllocatedBytes(precise: true);
        Assert.Equal(Errno.None, await cache.EnsureAsync(map.PieceCount - 1, 1, null, default));
        var allocated = GC.GetTotalAllocatedBytes(precise: true) - before;
        Assert.Equal(map.PieceCount, cache.Store.GetStatistics().Present);
        Assert.True(allocated < (long)blocks * BlockSize / 4, $"{allocated} bytes were allocated for a span of {(long)blocks * BlockSize}");
    }

    /// <summary>One zstd frame of hardly compressible blocks, as a file; its content is in files of 3 MB.</summary>
    async Task<OneSpanMap> MakeAsync(int blocks)
    {
        var random = new Random(1);
        var block = new byte[BlockSize];
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var pieces = new List<Piece>();
        long position = 0, start = 0;
        await using (var blob = File.Create(Path.Combine(_folder, "blob")))
        {
            using var frame = new ZstdFrameWriter(blob);
            for (var i = 0; i < blocks; i++)
            {
                random.NextBytes(block.AsSpan(0, BlockSize / 2));
                frame.Write(block);
                for (var at = 0; at < BlockSize;)
                {
                    var part = (int)Math.Min(BlockSize - at, start + FileSize - position);
                    hash.AppendData(block, at, part);
                    at += part;
                    position += part;
                    if (position == start + FileSize || (i == blocks - 1 && at == BlockSize))
                    {
                        var data = pieces.Count == 0 ? 0 : DataPages.Up(pieces[^1].DataOffset + pieces[^1].Length);
                        pieces.Add(new Piece(pieces.Count, pieces.Count, data, position - start, start, 0, hash.GetHashAndReset()));
                        start = position;
                    }
                }
            }

            frame.Complete();
        }

        return new OneSpanMap(pieces, Codec.Zstd, new FileInfo(Path.Combine(_folder, "blob")).Length, position);
    }

    sealed class OneSpanMap(List<Piece> pieces, Codec compression, long blobSize, long streamSize) : IPieceMap
    {
        public Codec Compression => compression;

        public long BlobSize => blobSize;

        public long DataSize => DataPages.Up(pieces[^1].DataOffset + pieces[^1].Length);

        public long PieceCount => pieces.Count;

        public int SpanCount => 1;

        public IEnumerable<Piece> ReadPieces(long first, long count) => pieces.Skip((int)first).Take((int)count);

        public IEnumerable<SeekSpan> ReadSpans(int first, int count) => [new SeekSpan(0, SeekPoint.Fresh(0, 0), blobSize, streamSize, 0, pieces.Count)];

        public long CountPrefetchPieces() => 0;

        public IEnumerable<SpanExtent> ReadExtents() => [new SpanExtent(0, blobSize, 0, streamSize, 0, pieces.Count, false)];

        public void Dispose()
        {
        }
    }
}
