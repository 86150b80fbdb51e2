using System.Runtime.InteropServices;
using System.Text;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Memory;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Local.Tests;

/// <summary>A temporary directory served by a <see cref="LocalFileSystem"/>, and its operations as a guest would call them.</summary>
sealed unsafe class Share : IDisposable
{
    public const int RDONLY = OpenFlags.O_RDONLY;
    public const int WRONLY = OpenFlags.O_WRONLY;
    public const int RDWR = OpenFlags.O_RDWR;

    readonly TestRequestContext _request = new();

    readonly Share? _owner;
    readonly bool _keep;

    public Share(Func<LocalOptions, LocalOptions>? change = null)
    {
        Path = System.IO.Path.Combine(System.IO.Path.GetTempPath(), "virtiofs-local-" + Guid.NewGuid().ToString("N"));
        Directory.CreateDirectory(Path);
        var options = new LocalOptions { Path = Path };
        FileSystem = LocalFileSystem.Open(change?.Invoke(options) ?? options);
        As(ThreadCredentials.EffectiveUserId, ThreadCredentials.EffectiveGroupId);
    }

    /// <summary>A directory that is there already, served a second time with other options.</summary>
    public Share(string path, Func<LocalOptions, LocalOptions> change)
    {
        Path = path;
        FileSystem = LocalFileSystem.Open(change(new LocalOptions { Path = path }));
        _keep = true;
        As(ThreadCredentials.EffectiveUserId, ThreadCredentials.EffectiveGroupId);
    }

    /// <summary>The same share as another queue sees it: with requests of its own.</summary>
    public Share(Share owner)
    {
        _owner = owner;
        Path = owner.Path;
        FileSystem = owner.FileSystem;
        As(ThreadCredentials.EffectiveUserId, ThreadCredentials.EffectiveGroupId);
    }

    public string Path { get; }

    public LocalFileSystem FileSystem { get; }

    public static NodeId Root => NodeId.Root;

    public TestRequestContext Request => _request;

    public Share As(uint uid, uint gid, uint? supplementaryGroup = null)
    {
        _request.As(uid, gid, supplementaryGroup);
        return this;
    }

    public string Host(string name) => System.IO.Path.Combine(Path, name);

    public Reply<Entry> TryLookup(string name, NodeId? parent = null) =>
        FileSystem.LookupAsync(_request.Named(name), parent ?? Root).Now();

    public Entry Lookup(string name, NodeId? parent = null) => Value(TryLookup(name, parent));

    public NodeAttributes Attributes(NodeId node, HandleId? handle = null) =>
        Value(FileSystem.GetAttributesAsync(_request, node, handle).Now()).Attributes;

    public Reply<AttributesReply> TryAttributes(NodeId node, HandleId? handle = null) =>
        FileSystem.GetAttributesAsync(_request, node, handle).Now();

    public Reply<AttributesReply> TrySet(NodeId node, SetAttributes changes) =>
        FileSystem.SetAttributesAsync(_request, node, changes).Now();

    public NodeAttributes Set(NodeId node, SetAttributes changes) => Value(TrySet(node, changes)).Attributes;

    public Reply<CreateReply> TryCreate(string name, int flags = RDWR, uint mode = 0x1A4, uint umask = 0, NodeId? parent = null, bool kill = false) =>
        FileSystem.CreateAsync(_request.Named(name), parent ?? Root, new OpenRequest { Flags = flags | OpenFlags.O_CREAT, Mode = mode, Umask = umask, KillSuidGid = kill }).Now();

    public CreateReply Create(string name, int flags = RDWR, uint mode = 0x1A4, uint umask = 0, NodeId? parent = null) =>
        Value(TryCreate(name, flags, mode, umask, parent));

    public Entry MakeDirectory(string name, uint mode = 0x1ED, uint umask = 0, NodeId? parent = null) =>
        Value(FileSystem.MakeDirectoryAsync(_request.Named(name), parent ?? Root, mode, umask).Now());

    /// <summary>A file, a directory, a link and a FIFO, named so.</summary>
    public Entry[] MakeOneOfEach() =>
    [
        Create("file").Entry,
        MakeDirectory("directory"),
        SymbolicLink("link", "target"),
        TryMakeNode("fifo", StatMode.Fifo | 0x1A4).Value,
    ];

    public Entry SymbolicLink(string name, string target, NodeId? parent = null) =>
        Value(FileSystem.SymbolicLinkAsync(_request.Named(name, target), parent ?? Root).Now());

    public Reply<Entry> TryMakeNode(string name, uint mode, uint major = 0, uint minor = 0, uint umask = 0) =>
        FileSystem.MakeNodeAsync(_request.Named(name), Root, mode, major, minor, umask).Now();

    public Reply<Entry> TryLink(NodeId node, string name, NodeId? parent = null) =>
        FileSystem.LinkAsync(_request.Named(name), node, parent ?? Root).Now();

    public Errno Unlink(string name, NodeId? parent = null) => FileSystem.UnlinkAsync(_request.Named(name), parent ?? Root).Now();

    public Errno RemoveDirectory(string name, NodeId? parent = null) =>
        FileSystem.RemoveDirectoryAsync(_request.Named(name), parent ?? Root).Now();

    public Errno Rename(string from, string to, uint flags = 0, NodeId? parent = null, NodeId? newParent = null) =>
        FileSystem.RenameAsync(_request.Named(from, to), parent ?? Root, newParent ?? parent ?? Root, flags).Now();

    public Reply<OpenReply> TryOpen(NodeId node, int flags = RDONLY, bool kill = false) =>
        FileSystem.OpenAsync(_request, node, new OpenRequest { Flags = flags, KillSuidGid = kill }).Now();

    public HandleId Open(NodeId node, int flags = RDONLY) => Value(TryOpen(node, flags)).Handle;

    public HandleId OpenDirectory(NodeId node) => Value(FileSystem.OpenDirectoryAsync(_request, node, 0).Now()).Handle;

    public Errno Release(NodeId node, HandleId handle) => FileSystem.ReleaseAsync(_request, node, handle, default).Now();

    public string ReadLink(NodeId node)
    {
        var length = Value(FileSystem.ReadLinkAsync(_request, node, 4096).Now());
        return Encoding.UTF8.GetString(_request.ScratchBytes(length));
    }

    public Reply<int> TryRead(NodeId node, HandleId handle, ulong offset, Span<byte> into)
    {
        fixed (byte* pointer = into)
        {
            using var buffers = new IoBuffers();
            buffers.Append(pointer, (nuint)into.Length);
            return FileSystem.ReadAsync(_request, node, handle, offset, buffers).Now();
        }
    }

    public string Read(NodeId node, HandleId handle, ulong offset = 0, int length = 65536)
    {
        var bytes = new byte[length];
        return Encoding.UTF8.GetString(bytes, 0, Value(TryRead(node, handle, offset, bytes)));
    }

    public Reply<int> TryWrite(NodeId node, HandleId handle, string text, ulong offset = 0, WriteFlags flags = WriteFlags.None)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        fixed (byte* pointer = bytes)
        {
            using var buffers = new IoBuffers();
            buffers.Append(pointer, (nuint)bytes.Length);
            return FileSystem.WriteAsync(_request, node, handle, offset, buffers, flags).Now();
        }
    }

    public void Write(NodeId node, HandleId handle, string text, ulong offset = 0, WriteFlags flags = WriteFlags.None) =>
        Assert.Equal(Encoding.UTF8.GetByteCount(text), Value(TryWrite(node, handle, text, offset, flags)));

    public Errno List(NodeId node, HandleId handle, ulong offset, Listing into) =>
        FileSystem.ReadDirectoryAsync(_request, node, handle, offset, into).Now();

    public Errno SetXattr(NodeId node, string name, byte[] value, int flags = 0, bool clearSetGid = false) =>
        FileSystem.SetXattrAsync(_request.Named(Encoding.UTF8.GetBytes(name), value), node, flags, clearSetGid).Now();

    public Reply<int> TryGetXattr(NodeId node, string name, int capacity = 65536) =>
        FileSystem.GetXattrAsync(_request.Named(name), node, capacity).Now();

    public byte[] GetXattr(NodeId node, string name) => _request.ScratchBytes(Value(TryGetXattr(node, name)));

    public string[] ListXattr(NodeId node)
    {
        var length = Value(FileSystem.ListXattrAsync(_request, node, 65536).Now());
        return Encoding.UTF8.GetString(_request.ScratchBytes(length)).Split('\0', StringSplitOptions.RemoveEmptyEntries);
    }

    public void Dispose()
    {
        _request.Dispose();
        if (_owner is not null)
            return;
        FileSystem.DisposeAsync().AsTask().Wait();
        if (!_keep)
            Directory.Delete(Path, recursive: true);
    }

    static T Value<T>(Reply<T> reply)
        where T : struct
    {
        Assert.Equal(Errno.None, reply.Error);
        return reply.Value;
    }
}
