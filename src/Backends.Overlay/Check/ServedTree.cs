using System.Runtime.CompilerServices;
using System.Text;
using VirtioFsStore.Backends.Overlay.Merge;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Overlay.Check;

/// <summary>A file system as a guest would see it, through the operations that a guest's kernel uses.</summary>
sealed class ServedTree(IFileSystem fileSystem) : ICheckedTree, IDisposable
{
    /// <summary>Small, so that most directories take several calls.</summary>
    const int EntriesPerCall = 50;

    const int MaxXattrs = ExtendedAttributes.MaxSize;

    readonly CheckRequest _request = new();

    public string Name => "served";

    /// <summary>What a guest could see differ between its own operations.</summary>
    public List<string> Contradictions { get; } = [];

    public async IAsyncEnumerable<CheckedFile> WalkAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        var open = new Stack<(byte[] Path, NodeId Node, NodeId Parent)>();
        var root = Value(await fileSystem.GetAttributesAsync(_request, NodeId.Root, null).ConfigureAwait(false), "getattr", []);
        yield return await DescribeAsync([], NodeId.Root, root.Attributes).ConfigureAwait(false);
        open.Push(([], NodeId.Root, NodeId.Root));
        while (open.TryPop(out var directory))
        {
            foreach (var (name, ino, _, listed) in await ListAsync(directory.Path, directory.Node, cancellation).ConfigureAwait(false))
            {
                if (name is [(byte)'.'] or [(byte)'.', (byte)'.'])
                {
                    if (ino != (name.Length == 1 ? directory.Node : directory.Parent).Value)
                        Contradictions.Add($"{PathText.FromRoot(directory.Path)}: '{PathText.Of(name)}' leads to inode {ino}");
                    continue;
                }

                byte[] path = directory.Path.Length == 0 ? name : [.. directory.Path, (byte)'/', .. name];
                var entry = Value(await fileSystem.LookupAsync(_request.SetName(name), directory.Node).ConfigureAwait(false), "lookup", path);
                if (listed is null || !entry.Equals(listed.Value))
                    Contradictions.Add($"{PathText.FromRoot(path)}: READDIRPLUS and LOOKUP answer differently");
                if (entry.Node.IsNone)
                    continue;
                var file = await DescribeAsync(path, entry.Node, entry.Attributes).ConfigureAwait(false);
                if (file.IsDirectory)
                    open.Push((path, entry.Node, directory.Node));
                yield return file;
            }
        }
    }

    public async ValueTask<ICheckedContent> OpenAsync(CheckedFile file, CancellationToken cancellation)
    {
        var node = new NodeId(file.Inode);
        var opened = Value(await fileSystem.OpenAsync(_request, node, default).ConfigureAwait(false), "open", Encoding.Latin1.GetBytes(file.Path));
        return new Content(fileSystem, node, opened.Handle, Encoding.Latin1.GetBytes(file.Path));
    }

    public void Dispose() => _request.Dispose();

    static T Value<T>(Reply<T> reply, string operation, ReadOnlySpan<byte> path)
        where T : struct =>
        reply.IsError ? throw new SystemCallException(reply.Error, operation, PathText.FromRoot(path)) : reply.Value;

    async ValueTask<List<(byte[] Name, ulong Ino, ulong Next, Entry? Entry)>> ListAsync(byte[] path, NodeId node, CancellationToken cancellation)
    {
        var all = new List<(byte[] Name, ulong Ino, ulong Next, Entry? Entry)>();
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            var writer = new ListingWriter(EntriesPerCall);
            var error = await fileSystem.ReadDirectoryAsync(_request, node, HandleId.None, all.Count == 0 ? 0 : all[^1].Next, writer).ConfigureAwait(false);
            if (error != Errno.None)
                throw new SystemCallException(error, "readdir", PathText.FromRoot(path));
            if (writer.Entries.Count == 0)
                return all;
            all.AddRange(writer.Entries);
        }
    }

    async ValueTask<CheckedFile> DescribeAsync(byte[] path, NodeId node, NodeAttributes attributes)
    {
        var target = "";
        if (StatMode.IsSymbolicLink(attributes.Mode))
        {
            var length = Value(await fileSystem.ReadLinkAsync(_request, node, 4096).ConfigureAwait(false), "readlink", path);
            target = Encoding.Latin1.GetString(_request.Answer(length));
        }

        return new CheckedFile
        {
            Path = Encoding.Latin1.GetString(path),
            Inode = node.Value,
            Mode = attributes.Mode,
            Uid = attributes.Uid,
            Gid = attributes.Gid,
            LinkCount = attributes.LinkCount,
            Size = attributes.Size,
            Time = attributes.ModifyTime,
            Device = (attributes.DeviceMajor, attributes.DeviceMinor),
            Target = target,
            Xattrs = await XattrsAsync(path, node).ConfigureAwait(false),
        };
    }

    async ValueTask<IReadOnlyDictionary<string, byte[]>> XattrsAsync(byte[] path, NodeId node)
    {
        var found = new SortedDictionary<string, byte[]>(StringComparer.Ordinal);
        var length = Value(await fileSystem.ListXattrAsync(_request, node, MaxXattrs).ConfigureAwait(false), "listxattr", path);
        foreach (var name in Encoding.Latin1.GetString(_request.Answer(length)).Split('\0', StringSplitOptions.RemoveEmptyEntries))
        {
            var value = Value(
                await fileSystem.GetXattrAsync(_request.SetName(Encoding.Latin1.GetBytes(name)), node, MaxXattrs).ConfigureAwait(false), "getxattr", path);
            found[name] = _request.Answer(value);
        }

        return found;
    }

    sealed class Content(IFileSystem fileSystem, NodeId node, HandleId handle, byte[] path) : ICheckedContent
    {
        readonly CheckRequest _request = new();

        public async ValueTask<int> ReadAsync(long offset, byte[] into, CancellationToken cancellation)
        {
            cancellation.ThrowIfCancellationRequested();
            // The file system may answer later, from another thread: the memory must not move meanwhile.
            var pinned = System.Runtime.InteropServices.GCHandle.Alloc(into, System.Runtime.InteropServices.GCHandleType.Pinned);
            try
            {
                return Value(await Start(offset, pinned.AddrOfPinnedObject(), into.Length).ConfigureAwait(false), "read", path);
            }
            finally
            {
                pinned.Free();
            }
        }

        public void Dispose() => _request.Dispose();

        unsafe ValueTask<Reply<int>> Start(long offset, nint memory, int length) =>
            fileSystem.ReadAsync(_request, node, handle, (ulong)offset, _request.ReadInto((byte*)memory, length));
    }
}
