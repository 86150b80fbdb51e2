using VirtioFsStore.Driver.FileSystems;
using VirtioFsStore.Driver.Fuse.Wire;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.VhostUser;
using VirtioFsStore.Driver.Vmm;
using Xunit;
using WindowDialect = VirtioFsStore.Core.VhostUser.WindowDialect;

namespace VirtioFsStore.Core.Tests.Integration;

/// <summary>VMMs of the years in which virtio-fs had messages of its own for its window, which nothing announces.</summary>
public sealed class DaxOldDialectTests
{
    const ulong Range = 2 << 20;

    [Fact]
    public void Files_are_mapped_and_unmapped_by_the_older_messages()
    {
        var content = new byte[10_000];
        new Random(1).NextBytes(content);
        var files = new MemoryFileSystem();
        files.AddFile("file", content);
        using var host = new ServerHost(files, new ServerHostOptions { DaxWindow = 8 * Range, DaxDialect = WindowDialect.SlaveFs });
        using var machine = host.Mount(new VirtualMachineOptions { OwnWindow = 8 * Range });
        var window = machine.Window!;
        Assert.False(machine.OfferedProtocol.HasFlag(ProtocolFeatures.Shmem));

        var node = machine.Fuse.Walk("file").NodeId;
        Assert.Equal(0, machine.Fuse.SetupMapping(node, 0, Range, Range, writable: false));
        Assert.Equal(content, window.Read(Range, content.Length));
        Assert.Equal(0, machine.Fuse.SetupMapping(node, 0, Range, Range, writable: true));
        Assert.True(Assert.Single(window.Mappings).IsWritable);
        Assert.Equal(0, machine.Fuse.RemoveMapping(new FuseRemoveMappingOne { WindowOffset = Range, Length = Range }));

        Assert.Equal(
            [BackendRequest.SlaveFsMap, BackendRequest.SlaveFsUnmap, BackendRequest.SlaveFsMap, BackendRequest.SlaveFsUnmap],
            window.Requests.Select(request => request.Kind));
        Assert.Empty(window.Refusals);
        Assert.Equal(0, files.MappedExtents);
    }

    [Fact]
    public void A_large_window_can_be_filled()
    {
        const ulong Ranges = 500;
        var files = new MemoryFileSystem();
        files.AddFile("file", new byte[5000]);
        using var host = new ServerHost(files, new ServerHostOptions { DaxWindow = Ranges * Range, DaxDialect = WindowDialect.SlaveFs });
        using var machine = host.Mount(new VirtualMachineOptions { OwnWindow = Ranges * Range });
        var node = machine.Fuse.Walk("file").NodeId;

        for (var i = 0UL; i < Ranges; i++)
            Assert.Equal(0, machine.Fuse.SetupMapping(node, 0, Range, i * Range, writable: false));

        Assert.Equal((int)Ranges, machine.Window!.Mappings.Count);
    }
}
