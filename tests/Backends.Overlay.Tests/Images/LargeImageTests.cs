using System.Diagnostics;
using VirtioFsStore.Backends.Overlay.Images;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Merge;
using VirtioFsStore.Backends.Overlay.Tests.Merge;
using VirtioFsStore.Backends.Overlay.Tests.Tree;
using VirtioFsStore.Backends.Overlay.Tree;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;
using Xunit;
using Xunit.Abstractions;

namespace VirtioFsStore.Backends.Overlay.Tests.Images;

public sealed class LargeImageTests(ITestOutputHelper log)
{
    const int Directories = 1000;
    const int FilesEach = 1000;

    static string DirectoryName(int i) => $"usr/share/package-{i}";

    static string FileName(int i) => $"some-file-name-{i}.txt";

    /// <summary>Two layers: a million files, then one that hides a tenth of the directories.</summary>
    static MergedImage Merge()
    {
        var merger = new LayerMerger();
        merger.BeginLayer(new MergedLayer("lower", 4096, 1));
        for (var i = 0; i < Directories * FilesEach; i++)
        {
            merger.Apply(new TestEntry(LayerEntryType.Regular, $"{DirectoryName(i / FilesEach)}/{FileName(i % FilesEach)}")
            {
                Size = 100, Allocated = 4096, PieceCount = 1, Mtime = i,
            }.ToEntry(i));
        }

        merger.BeginLayer(new MergedLayer("upper", 0, 0));
        for (var i = 0; i < Directories; i += 10)
            merger.Hide(new TestEntry(LayerEntryType.Whiteout, DirectoryName(i)).ToEntry(0));
        return merger.Finish();
    }

    [Fact]
    public void A_million_entries_are_merged_laid_out_and_found()
    {
        var path = Path.GetTempFileName();
        try
        {
            var watch = Stopwatch.StartNew();
            var image = Merge();
            log.WriteLine($"merge: {watch.ElapsedMilliseconds} ms, {GC.GetTotalMemory(false) >> 20} MiB");
            watch.Restart();
            var key = TestTree.KeyOf(2);
            using (var stream = File.Create(path))
                new TreeWriter(image, key, (_, _, _) => []).Write(stream);
            log.WriteLine($"write: {watch.ElapsedMilliseconds} ms, {new FileInfo(path).Length >> 20} MiB");
            watch.Restart();
            using var file = new FileDescriptor(SystemCallException.ThrowIfError(Descriptors.Open(path, OpenFlags.O_RDONLY), "open", path));
            using var tree = ImageTree.Open(file.Value, path, key, verify: true);
            log.WriteLine($"open and verify: {watch.ElapsedMilliseconds} ms");
            Assert.Equal((uint)(3 + (Directories * 9 / 10 * (FilesEach + 1))), tree.InodeCount);
            CheckLookups(tree);
        }
        finally
        {
            File.Delete(path);
        }
    }

    void CheckLookups(ImageTree tree)
    {
        var names = Enumerable.Range(0, FilesEach).Select(i => TestEntry.Bytes(FileName(i))).ToArray();
        tree.TryGetInode(1, out var inode);
        var position = tree.Find(1, inode, "usr"u8);
        tree.TryGetInode(position, out inode);
        position = tree.Find(position, inode, "share"u8);
        tree.TryGetInode(position, out var share);
        var found = 0;
        var watch = Stopwatch.StartNew();
        for (var i = 0; i < Directories; i++)
        {
            var directory = tree.Find(position, share, TestEntry.Bytes($"package-{i}"));
            Assert.Equal(i % 10 == 0, directory == 0);
            if (!tree.TryGetInode(directory, out inode))
                continue;
            for (var j = 0; j < FilesEach; j++)
            {
                var node = tree.Find(directory, inode, names[j]);
                if (tree.TryGetInode(node, out var record) && record.MtimeSeconds == (i * FilesEach) + j)
                    found++;
            }
        }

        log.WriteLine($"lookup: {watch.Elapsed.TotalNanoseconds / (Directories * FilesEach * 9 / 10):0} ns each");
        Assert.Equal(Directories * FilesEach * 9 / 10, found);
    }
}
