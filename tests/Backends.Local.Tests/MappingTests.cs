using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.Vmm;
using Xunit;

namespace VirtioFsStore.Backends.Local.Tests;

/// <summary>A directory's files in a guest's window.</summary>
public sealed class MappingTests : IDisposable
{
    const ulong Range = 2 << 20;
    const ulong Page = 4096;
    const uint Dax = 2;

    readonly TemporaryDirectory _directory = new();
    readonly byte[] _content = new byte[(int)Range + (4 * (int)Page)];
    readonly ServerHost _host;
    readonly VirtualMachine _machine;

    public MappingTests()
    {
        new Random(1).NextBytes(_content);
        File.WriteAllBytes(_directory["whole"], _content);
        File.WriteAllBytes(_directory["odd"], _content[..((int)Range + 100)]);
        File.WriteAllBytes(_directory["small"], _content[..(int)Page]);
        File.WriteAllBytes(_directory["empty"], []);
        (_host, _machine) = Serve(readOnly: false);
    }

    SharedWindow Window => _machine.Window!;

    public void Dispose()
    {
        Assert.Empty(Window.Refusals);
        _machine.Dispose();
        _host.Dispose();
        _directory.Dispose();
    }

    (ServerHost Host, VirtualMachine Machine) Serve(bool readOnly, bool likeQemu = false, bool daxWritable = false)
    {
        var host = new ServerHost(
            LocalFileSystem.Open(new LocalOptions { Path = _directory.Path, ReadOnly = readOnly, DaxMinimum = 2 * Page, DaxWritable = daxWritable }),
            new ServerHostOptions { Tag = "t", DaxWindow = 8 * Range });
        return (host, host.Mount(new VirtualMachineOptions { Profile = VmmProfile.QemuGenericDevice, WindowLikeQemu = likeQemu }));
    }

    int Map(string name, ulong offset, ulong windowOffset, bool writable = false) =>
        _machine.Fuse.SetupMapping(_machine.Fuse.Walk(name).NodeId, offset, Range, windowOffset, writable);

    [Theory]
    [InlineData(false, false, false, 0)]
    [InlineData(true, false, false, Dax)]
    [InlineData(false, true, false, 0)]
    [InlineData(true, true, false, 0)]
    [InlineData(false, false, true, Dax)]
    [InlineData(false, true, true, Dax)]
    [InlineData(true, true, true, 0)]
    public void Files_of_whole_pages_are_shown_as_ones_to_map_where_the_vmm_maps_them(bool readOnly, bool likeQemu, bool daxWritable, uint expected)
    {
        var (host, machine) = Serve(readOnly, likeQemu, daxWritable);
        using var ending = host;
        using var guest = machine;
        Assert.Equal(expected, machine.Fuse.Walk("whole").Attr.Flags);
        Assert.Equal(0u, machine.Fuse.Walk("odd").Attr.Flags);
        Assert.Equal(0u, machine.Fuse.Walk("small").Attr.Flags);
        Assert.Equal(0u, machine.Fuse.Walk("empty").Attr.Flags);
        Assert.Equal(0u, machine.Fuse.Walk("/").Attr.Flags);
    }

    [Fact]
    public void A_file_is_seen_as_the_host_has_it()
    {
        Assert.Equal(0, Map("whole", 0, Range));
        Assert.Equal(_content[..(int)Range], Window.Read(Range, (int)Range));

        using (var host = File.OpenHandle(_directory["whole"], access: FileAccess.Write))
            RandomAccess.Write(host, "the host's"u8, 10);

        Assert.Equal("the host's"u8, Window.Read(Range + 10, 10));
    }

    [Fact]
    public void What_the_guest_writes_is_in_the_file()
    {
        Assert.Equal(0, Map("whole", Range, 0, writable: true));

        Window.Write(5, "the guest's"u8);

        Assert.Equal("the guest's"u8, File.ReadAllBytes(_directory["whole"]).AsSpan((int)Range + 5, 11));
    }

    [Fact]
    public void Data_can_be_written_without_being_mapped_anew_and_programs_cannot()
    {
        Assert.Equal(0, Map("whole", 0, 0));
        Assert.Equal(0, Map("whole", 0, 0, writable: true));
        Assert.Single(Window.Requests);

        File.SetUnixFileMode(_directory["whole"], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Assert.Equal(0, Map("whole", 0, Range));
        Assert.False(Window.Mappings[1].IsWritable);
        Assert.Equal(0, Map("whole", 0, Range, writable: true));
        Assert.True(Window.Mappings[1].IsWritable);
    }

    [Fact]
    public void What_a_mapped_file_grows_by_is_seen()
    {
        Assert.Equal(0, Map("small", 0, 0));
        Assert.Equal(2, Window.Mappings.Count);

        using (var host = File.OpenHandle(_directory["small"], access: FileAccess.Write))
            RandomAccess.Write(host, "more"u8, 2 * (long)Page + 1);

        Assert.Equal("more"u8, Window.Read((2 * Page) + 1, 4));
        Assert.Equal(0, _machine.Fuse.RemoveMapping(new Driver.Fuse.Wire.FuseRemoveMappingOne { Length = Range }));
        Assert.Empty(Window.Mappings);
    }

    [Fact]
    public void For_a_vmm_that_maps_nothing_behind_a_file_what_the_guest_makes_it_grow_by_is_mapped_before_it_learns_of_it()
    {
        var (host, machine) = Serve(readOnly: false, likeQemu: true);
        using var ending = host;
        using var guest = machine;
        var (fuse, window) = (machine.Fuse, machine.Window!);
        var node = fuse.Walk("small").NodeId;
        var handle = fuse.Open(node, OpenFlags.O_RDWR).Value.Fh;
        Assert.Equal(0, fuse.SetupMapping(node, 0, Range, 0, writable: false));
        Assert.Equal(0, fuse.SetupMapping(node, 0, Range, 2 * Range, writable: false));
        Assert.Equal(2, window.Mappings.Count);

        Assert.Equal((uint)Page, fuse.Write(node, handle, Page, _content.AsSpan((int)Page, (int)Page)).Value.Size);
        Assert.Equal(_content[..(2 * (int)Page)], window.Read(0, 2 * (int)Page));
        Assert.Equal(_content[..(2 * (int)Page)], window.Read(2 * Range, 2 * (int)Page));
        Assert.Equal(0, fuse.Fallocate(node, handle, 2 * Page, 2 * Page));
        Assert.Equal(new byte[2 * (int)Page], window.Read(2 * Page, 2 * (int)Page));
        Assert.Equal(0, fuse.Truncate(node, 16 * Page).Error);
        Assert.Equal(new byte[12 * (int)Page], window.Read((2 * Range) + (4 * Page), 12 * (int)Page));

        // The last page could not be mapped.
        Assert.Equal((int)Errno.EOPNOTSUPP, fuse.Write(node, handle, 16 * Page, "odd"u8).Error);
        Assert.Equal((int)Errno.EOPNOTSUPP, fuse.Truncate(node, (16 * Page) + 1).Error);
        Assert.Equal(16L * (long)Page, new FileInfo(_directory["small"]).Length);
        // Within what is mapped, and where it is not mapped, all goes.
        Assert.Equal(3u, fuse.Write(node, handle, 5, "odd"u8).Value.Size);
        Assert.Equal(3u, fuse.Write(node, handle, Range + 5, "far"u8).Value.Size);
        Assert.Equal("odd"u8, window.Read((2 * Range) + 5, 3));
        Assert.Equal(new byte[(int)Page], window.Read(Range - Page, (int)Page));

        Assert.Equal(0, fuse.RemoveMapping(new Driver.Fuse.Wire.FuseRemoveMappingOne { Length = 4 * Range }));
        Assert.Empty(window.Mappings);
        Assert.Empty(window.Refusals);
    }

    [Fact]
    public void For_a_vmm_that_maps_all_for_writing_programs_are_open_for_it_and_read_only_shares_are_not_mapped()
    {
        File.SetUnixFileMode(_directory["whole"], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var (host, machine) = Serve(readOnly: false, likeQemu: true);
        using (host)
        using (machine)
        {
            Assert.Equal(0, machine.Fuse.SetupMapping(machine.Fuse.Walk("whole").NodeId, 0, Range, 0, writable: false));
            Assert.True(Assert.Single(machine.Window!.Mappings).IsWritable);
        }
        (host, machine) = Serve(readOnly: true, likeQemu: true);
        using (host)
        using (machine)
        {
            Assert.Equal((int)Errno.ENXIO, machine.Fuse.SetupMapping(machine.Fuse.Walk("whole").NodeId, 0, Range, 0, writable: false));
            Assert.Empty(machine.Window!.Requests);
        }
    }

    [Fact]
    public void What_cannot_be_mapped_says_why()
    {
        Directory.CreateDirectory(_directory["d"]);
        File.CreateSymbolicLink(_directory["l"], "whole");

        Assert.Equal((int)Errno.ENXIO, Map("odd", Range, 0));
        Assert.Equal((int)Errno.ENXIO, Map("empty", 0, 0));
        Assert.Equal((int)Errno.ENXIO, Map("whole", 4 * Range, 0));
        Assert.Equal((int)Errno.EISDIR, Map("d", 0, 0));
        Assert.Equal((int)Errno.EACCES, Map("l", 0, 0));
        Assert.Equal(0, Map("odd", 0, 0));
        Assert.Single(Window.Requests);
    }

    [Fact]
    public void A_read_only_share_is_mapped_read_only()
    {
        var (host, machine) = Serve(readOnly: true);
        using (host)
        using (machine)
        {
            var node = machine.Fuse.Walk("whole").NodeId;
            Assert.Equal((int)Errno.EROFS, machine.Fuse.SetupMapping(node, 0, Range, 0, writable: true));
            Assert.Equal(0, machine.Fuse.SetupMapping(node, 0, Range, 0, writable: false));
            Assert.False(Assert.Single(machine.Window!.Mappings).IsWritable);
        }
    }

    [Fact]
    public void A_mapping_outlives_the_name()
    {
        Assert.Equal(0, Map("whole", 0, 0));
        var node = _machine.Fuse.Walk("whole").NodeId;
        File.Delete(_directory["whole"]);

        Assert.Equal(_content[..(int)Range], Window.Read(0, (int)Range));
        Assert.Equal(0, _machine.Fuse.RemoveMapping(new Driver.Fuse.Wire.FuseRemoveMappingOne { Length = Range }));
        Assert.NotEqual(0UL, node);
    }

    [Fact]
    public void Mapping_leaves_nothing_open()
    {
        var node = _machine.Fuse.Walk("whole").NodeId;
        Assert.Null(OpenDescriptors.LeftBy(() =>
        {
            for (var i = 0UL; i < 8; i++)
                Assert.Equal(0, _machine.Fuse.SetupMapping(node, 0, Range, i * Range, writable: i % 2 == 0));
            Assert.Equal((int)Errno.ENXIO, _machine.Fuse.SetupMapping(node, 4 * Range, Range, 0, writable: false));
            Assert.Equal(0, _machine.Fuse.RemoveMapping(new Driver.Fuse.Wire.FuseRemoveMappingOne { Length = 8 * Range }));
        }));
    }
}
