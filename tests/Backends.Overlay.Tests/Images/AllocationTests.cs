using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Tests.Merge;
using VirtioFsStore.Core.Storage;
using Xunit;
using static VirtioFsStore.Backends.Overlay.Tests.Images.TestImage;

namespace VirtioFsStore.Backends.Overlay.Tests.Images;

public sealed class AllocationTests
{
    /// <summary>Takes everything and keeps nothing.</summary>
    sealed class Sink(bool plus) : DirectoryWriter
    {
        public override bool Plus => plus;

        public override bool HasRoom(int nameLength) => true;

        public override bool Add(ReadOnlySpan<byte> name, ulong ino, uint type, ulong nextOffset) => true;

        public override bool Add(ReadOnlySpan<byte> name, in Entry entry, ulong nextOffset) => true;
    }

    [Fact]
    public void What_needs_no_waiting_allocates_nothing()
    {
        using var image = new TestImage(new TestLayer { SpanSize = 5000 }
            .File(new TestEntry(LayerEntryType.Regular, "d/f") { Xattrs = [("user.a", "value")] }, new byte[20000]).Symlink("s", "t"));
        var (system, request) = (image.FileSystem, image.Request);
        var (directory, file, link) = (image.NodeAt("d"), image.NodeAt("d/f"), image.NodeAt("s"));
        var (plus, plain) = (new Sink(true), new Sink(false));

        void Round()
        {
            request.Named("f"u8);
            Now(system.LookupAsync(request, directory));
            request.Named("none"u8);
            Now(system.LookupAsync(request, directory));
            Now(system.GetAttributesAsync(request, file, null));
            Now(system.OpenAsync(request, file, default));
            Now(system.ReadAsync(request, file, HandleId.None, 100, request.Into(15000)));
            Now(system.SeekAsync(request, file, HandleId.None, 0, 3));
            Now(system.ReleaseAsync(request, file, HandleId.None, default));
            Now(system.OpenDirectoryAsync(request, directory, 0));
            Now(system.ReadDirectoryAsync(request, directory, HandleId.None, 0, plus));
            Now(system.ReadDirectoryAsync(request, directory, HandleId.None, 0, plain));
            Now(system.ReadLinkAsync(request, link, 4096));
            request.Named("user.a"u8);
            Now(system.GetXattrAsync(request, file, 100));
            Now(system.ListXattrAsync(request, file, 100));
            Now(system.StatisticsAsync(request, NodeId.Root));
            Now(system.AccessAsync(request, file, 4));
            system.Forget(file, 1);
        }

        Round();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
            Round();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }
}
