using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;
using VirtioFsStore.Driver.Fuse;

namespace VirtioFsStore.Benchmarks.Trees;

/// <summary>
/// A served tree as one guest knows it: all of it has been looked up, in the same order for every daemon. What a session does
/// without (ENOSYS to OPEN and OPENDIR) is remembered, as the guest's kernel does.
/// </summary>
sealed class GuestView
{
    const uint ReadWrite = 2;

    GuestView(NamedNode[] files, ulong[] directories, ulong[] links)
    {
        Files = files;
        Directories = directories;
        Links = links;
    }

    /// <summary>Regular files of <see cref="SampleTree.FileSize"/> bytes, shuffled.</summary>
    public NamedNode[] Files { get; }

    /// <summary>The directories that hold the files.</summary>
    public ulong[] Directories { get; }

    public ulong[] Links { get; }

    public bool OpensFiles { get; private init; }

    public bool OpensDirectories { get; private init; }

    /// <summary>The large file's node.</summary>
    public ulong Large { get; private init; }

    /// <summary>Bytes.</summary>
    public long LargeSize { get; private init; }

    /// <summary>The large file, open for reading and writing.</summary>
    public ulong LargeHandle { get; private init; }

    /// <summary>An empty directory to make files in; 0 in an image.</summary>
    public ulong Scratch { get; private init; }

    public static GuestView Walk(FuseClient client)
    {
        var (files, directories, links) = (new List<NamedNode>(), new HashSet<ulong>(), new List<ulong>());
        var (large, largeSize, scratch) = (0UL, 0UL, 0UL);
        var open = new Queue<ulong>([FuseClient.Root]);
        while (open.TryDequeue(out var directory))
        {
            var entries = client.ListDirectory(directory, plus: true).Where(entry => !entry.IsDots);
            foreach (var entry in entries.OrderBy(entry => entry.Text, StringComparer.Ordinal))
            {
                var node = entry.Entry.NodeId;
                if (StatMode.IsDirectory(entry.Entry.Attr.Mode))
                {
                    open.Enqueue(node);
                    if (entry.Text == SampleTree.ScratchName)
                        scratch = node;
                }
                else if (StatMode.IsSymbolicLink(entry.Entry.Attr.Mode))
                {
                    links.Add(node);
                }
                else if (entry.Text == SampleTree.LargeName)
                {
                    large = node;
                    largeSize = entry.Entry.Attr.Size;
                }
                else if (entry.Entry.Attr.Size == SampleTree.FileSize)
                {
                    files.Add(new NamedNode(directory, [.. entry.Name, 0], node));
                    directories.Add(directory);
                }
            }
        }
        var shuffled = files.ToArray();
        new Random(1).Shuffle(shuffled);
        var opensFiles = client.Open(shuffled[0].Node).Error != (int)Errno.ENOSYS;
        return new GuestView(shuffled, [.. directories], [.. links])
        {
            OpensFiles = opensFiles,
            OpensDirectories = client.OpenDir(FuseClient.Root).Error != (int)Errno.ENOSYS,
            Large = large,
            LargeSize = (long)largeSize,
            LargeHandle = opensFiles ? client.Open(large, ReadWrite).Value.Fh : 0,
            Scratch = scratch,
        };
    }
}
