using System.Text;
using VirtioFsStore.Driver.Fuse.Wire;

namespace VirtioFsStore.Driver.Fuse;

/// <summary>Several operations in a row, as a person would ask. They throw where an operation fails.</summary>
public sealed partial class FuseClient
{
    /// <summary>Looks every component of a path up, from the root. Each lookup counts; nothing is forgotten.</summary>
    public FuseEntryOut Walk(string path)
    {
        var entry = new FuseEntryOut { NodeId = Root, Attr = GetAttr(Root).Value.Attr };
        foreach (var name in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            entry = Lookup(entry.NodeId, Encoding.UTF8.GetBytes(name)).Value;
            if (entry.NodeId == 0)
                throw new FuseErrorException((int)Core.Interop.Errno.ENOENT);
        }
        return entry;
    }

    public byte[] ReadFile(string path) => ReadFile(Walk(path).NodeId);

    /// <summary>Opens (unless the session agreed to do without), reads to the end and releases.</summary>
    public byte[] ReadFile(ulong node)
    {
        var chunk = Math.Min(requests.DataCapacity, 65536);
        var opened = Open(node);
        // ENOSYS to OPEN where NO_OPEN_SUPPORT was offered means: no handles are needed.
        var handle = opened.Error == (int)Core.Interop.Errno.ENOSYS ? 0 : opened.Value.Fh;
        using var content = new MemoryStream();
        while (true)
        {
            var part = Read(node, handle, (ulong)content.Length, chunk).Value;
            content.Write(part);
            if (part.Length < chunk)
                break;
        }
        if (opened.Error == 0)
        {
            var error = Release(node, handle);
            if (error != 0)
                throw new FuseErrorException(error);
        }
        return content.ToArray();
    }

    /// <summary>Creates a file and writes it.</summary>
    public FuseEntryOut WriteFile(ulong parent, ReadOnlySpan<byte> name, ReadOnlySpan<byte> content)
    {
        const uint WriteOnlyCreate = 0x41;
        var created = Create(parent, name, WriteOnlyCreate).Value;
        var most = requests.DataCapacity;
        for (var done = 0; done < content.Length;)
        {
            var part = content.Slice(done, Math.Min(most, content.Length - done));
            done += (int)Write(created.Entry.NodeId, created.Open.Fh, (ulong)done, part).Value.Size;
        }
        var error = Release(created.Entry.NodeId, created.Open.Fh);
        return error == 0 ? created.Entry : throw new FuseErrorException(error);
    }

    /// <summary>All entries, dots included, in the order in which they come.</summary>
    public List<FuseDirectoryEntry> ListDirectory(ulong node, bool plus = false, int size = 4096)
    {
        var opened = OpenDir(node);
        var handle = opened.Error == (int)Core.Interop.Errno.ENOSYS ? 0 : opened.Value.Fh;
        var all = new List<FuseDirectoryEntry>();
        while (true)
        {
            var offset = all.Count == 0 ? 0 : all[^1].Offset;
            var part = plus ? ReadDirPlus(node, handle, offset, size).Value : ReadDir(node, handle, offset, size).Value;
            if (part.Count == 0)
                break;
            all.AddRange(part);
        }
        if (opened.Error == 0)
        {
            var error = ReleaseDir(node, handle);
            if (error != 0)
                throw new FuseErrorException(error);
        }
        return all;
    }

    public List<FuseDirectoryEntry> ListDirectory(string path, bool plus = false) => ListDirectory(Walk(path).NodeId, plus);
}
