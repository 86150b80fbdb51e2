using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using VirtioFsStore.Driver.Fuse.Wire;

namespace VirtioFsStore.Driver.Fuse;

/// <summary>Operations on directories.</summary>
public sealed partial class FuseClient
{
    public FuseResult<FuseOpenOut> OpenDir(ulong node, uint flags = 0) =>
        Run<FuseOpenOut>(BeginFor<FuseOpenOut>(FuseOpcode.OpenDir, node).Append(new FuseOpenIn { Flags = flags }));

    public FuseResult<List<FuseDirectoryEntry>> ReadDir(ulong node, ulong handle, ulong offset, int size = 4096) =>
        List(FuseOpcode.ReadDir, node, handle, offset, size);

    public FuseResult<List<FuseDirectoryEntry>> ReadDirPlus(ulong node, ulong handle, ulong offset, int size = 4096) =>
        List(FuseOpcode.ReadDirPlus, node, handle, offset, size);

    public int ReleaseDir(ulong node, ulong handle) => Run(Begin(FuseOpcode.ReleaseDir, node).Append(new FuseReleaseIn { Fh = handle }));

    public int FsyncDir(ulong node, ulong handle, bool dataOnly = false) =>
        Run(Begin(FuseOpcode.FsyncDir, node).Append(new FuseFsyncIn { Fh = handle, Flags = dataOnly ? 1u : 0 }));

    FuseResult<List<FuseDirectoryEntry>> List(FuseOpcode opcode, ulong node, ulong handle, ulong offset, int size)
    {
        var request = Begin(opcode, node, FuseRequest.ReplyHeaderSize + size)
            .Append(new FuseReadIn { Fh = handle, Offset = offset, Size = (uint)size });
        requests.Call(request);
        var error = request.Error;
        var entries = error == 0 ? Parse(request.Body, opcode == FuseOpcode.ReadDirPlus) : [];
        requests.Return(request);
        return new FuseResult<List<FuseDirectoryEntry>>(error, entries);
    }

    /// <summary>As fs/fuse/readdir.c parses, which refuses names that are empty, too long or hold a slash.</summary>
    static List<FuseDirectoryEntry> Parse(ReadOnlySpan<byte> body, bool plus)
    {
        var entries = new List<FuseDirectoryEntry>();
        while (body.Length > 0)
        {
            var entry = default(FuseEntryOut);
            var at = 0;
            if (plus)
            {
                entry = MemoryMarshal.Read<FuseEntryOut>(body);
                at = Unsafe.SizeOf<FuseEntryOut>();
            }
            var dirent = MemoryMarshal.Read<FuseDirent>(body[at..]);
            at += Unsafe.SizeOf<FuseDirent>();
            var name = body.Slice(at, (int)dirent.NameLength).ToArray();
            if (name.Length is 0 or > 1024 || name.AsSpan().ContainsAny((byte)'/', (byte)0))
                throw new FuseProtocolException($"A listing holds a name of {name.Length} bytes, or one with a slash or NUL.");
            entries.Add(new FuseDirectoryEntry(name, dirent.Ino, dirent.Offset, dirent.Type, entry));
            body = body[Math.Min(body.Length, (at + name.Length + 7) & ~7)..];
        }
        return entries;
    }
}
