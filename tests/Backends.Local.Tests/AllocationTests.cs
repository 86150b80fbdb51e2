using VirtioFsStore.Backends.Local.Translation;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Memory;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Local.Tests;

/// <summary>The request path allocates nothing on the managed heap.</summary>
public sealed unsafe class AllocationTests : IDisposable
{
    readonly Share _share = new(options => options with { Xattr = true });

    public void Dispose() => _share.Dispose();

    [Fact]
    public void Lookup_getattr_read_write_open_and_release_allocate_nothing()
    {
        File.WriteAllText(_share.Host("file"), "content");
        var node = _share.Lookup("file").Node;
        var handle = _share.Open(node, Share.RDWR);
        var (fileSystem, request) = (_share.FileSystem, _share.Request.Named("file"));
        var memory = stackalloc byte[4096];
        using var buffers = new IoBuffers();
        buffers.Append(memory, 4096);

        var allocated = Measure(() =>
        {
            var failed = fileSystem.LookupAsync(request, NodeId.Root).Now().IsError
                | fileSystem.GetAttributesAsync(request, node, null).Now().IsError
                | fileSystem.GetAttributesAsync(request, node, handle).Now().IsError
                | fileSystem.ReadAsync(request, node, handle, 0, buffers).Now().IsError
                | fileSystem.WriteAsync(request, node, handle, 0, buffers, WriteFlags.KillSuidGid).Now().IsError;
            var opened = fileSystem.OpenAsync(request, node, new OpenRequest { Flags = OpenFlags.O_RDONLY }).Now();
            failed |= opened.IsError | fileSystem.ReleaseAsync(request, node, opened.Value.Handle, default).Now() != Errno.None;
            fileSystem.Forget(node, 1);
            return failed;
        });

        Assert.Equal(0, allocated);
    }

    [Fact]
    public void Creating_listing_and_removing_allocate_nothing()
    {
        for (var i = 0; i < 10; i++)
            File.WriteAllText(_share.Host($"{i}"), "");
        var (fileSystem, request) = (_share.FileSystem, _share.Request.Named("new", "renamed"));
        using var removed = new TestRequestContext().As(0, 0).Named("renamed");
        var listing = new CountingWriter();

        var allocated = Measure(() =>
        {
            var made = fileSystem.CreateAsync(request, NodeId.Root, new OpenRequest { Flags = OpenFlags.O_RDWR, Mode = 0x1A4 }).Now();
            var directory = fileSystem.OpenDirectoryAsync(request, NodeId.Root, 0).Now();
            var failed = made.IsError | directory.IsError
                | fileSystem.ReadDirectoryAsync(request, NodeId.Root, directory.Value.Handle, 0, listing).Now() != Errno.None
                | fileSystem.ReleaseDirectoryAsync(request, NodeId.Root, directory.Value.Handle).Now() != Errno.None
                | fileSystem.RenameAsync(request, NodeId.Root, NodeId.Root, 0).Now() != Errno.None
                | fileSystem.UnlinkAsync(removed, NodeId.Root).Now() != Errno.None
                | fileSystem.ReleaseAsync(request, made.Value.Entry.Node, made.Value.Open.Handle, default).Now() != Errno.None;
            fileSystem.Forget(made.Value.Entry.Node, 2);
            return failed;
        });

        Assert.Equal(0, allocated);
        Assert.True(listing.Count > 0);
    }

    [Fact]
    public void Translating_names_and_ids_allocates_nothing()
    {
        using var share = new Share(options => options with
        {
            Xattr = true,
            XattrMap = XattrMap.Parse(":map::user.vm.:"),
            Users = IdTranslation.Parse([$"map:1000:{ThreadCredentials.EffectiveUserId}:1", "forbid-guest:5000:10"]),
            Groups = IdTranslation.Parse([$"map:1000:{ThreadCredentials.EffectiveGroupId}:1"]),
        });
        File.WriteAllText(share.Host("file"), "content");
        var node = share.Lookup("file").Node;
        var fileSystem = share.FileSystem;
        using var lookup = new TestRequestContext().As(1000, 1000).Named("file");
        using var attribute = new TestRequestContext().As(1000, 1000).Named("trusted.name"u8, "value"u8);
        using var directory = new TestRequestContext().As(1000, 1000).Named("directory");

        var allocated = Measure(() =>
        {
            var failed = fileSystem.LookupAsync(lookup, NodeId.Root).Now().IsError
                | fileSystem.SetXattrAsync(attribute, node, 0, false).Now() != Errno.None
                | fileSystem.GetXattrAsync(attribute, node, 100).Now().IsError
                | fileSystem.ListXattrAsync(attribute, node, 100).Now().IsError
                | fileSystem.RemoveXattrAsync(attribute, node).Now() != Errno.None
                | fileSystem.SetAttributesAsync(lookup, node, new SetAttributes { Valid = SetAttributesValid.Uid, Uid = 1000 }).Now().IsError;
            var made = fileSystem.MakeDirectoryAsync(directory, NodeId.Root, 0x1ED, 0).Now();
            failed |= made.IsError | fileSystem.RemoveDirectoryAsync(directory, NodeId.Root).Now() != Errno.None;
            fileSystem.Forget(made.Value.Node, 1);
            fileSystem.Forget(node, 1);
            return failed;
        });

        Assert.Equal(0, allocated);
    }

    static long Measure(Func<bool> requests)
    {
        // The first rounds make what is pooled.
        for (var i = 0; i < 50; i++)
            Assert.False(requests());
        var failed = false;
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1_000; i++)
            failed |= requests();
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.False(failed);
        return allocated;
    }

    sealed class CountingWriter : DirectoryWriter
    {
        public int Count { get; private set; }

        public override bool Plus => false;

        public override bool HasRoom(int nameLength) => true;

        public override bool Add(ReadOnlySpan<byte> name, ulong ino, uint type, ulong nextOffset) => ++Count > 0;

        public override bool Add(ReadOnlySpan<byte> name, in Entry entry, ulong nextOffset) => false;
    }
}
