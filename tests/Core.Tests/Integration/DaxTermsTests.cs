using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.Vmm;
using Xunit;

namespace VirtioFsStore.Core.Tests.Integration;

/// <summary>What a VMM maps is found out before its guest sees a file.</summary>
public sealed class DaxTermsTests
{
    const ulong Range = DaxSetup.Range;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_file_system_is_told_how_its_files_are_to_be_mapped(bool likeQemu)
    {
        using var dax = new DaxSetup(likeQemu: likeQemu);

        Assert.Equal(0, dax.Map(0));
        Assert.Equal(0, dax.Map(DaxSetup.Range));

        Assert.Equal([likeQemu, likeQemu], dax.Files.MapsAsWritable);
        Assert.Equal(2, dax.Window.Requests.Count);
        Assert.Empty(dax.Window.Refusals);
        Assert.Equal(likeQemu ? 1 : 0, dax.Host.Logger.Lines.Count(line => line.Text.Contains("only what is open for writing", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData(WindowAnswer.Die)]
    [InlineData(WindowAnswer.Silence)]
    public void Files_are_read_where_the_vmm_cannot_be_asked(WindowAnswer answer)
    {
        using var host = new ServerHost(Small(), new ServerHostOptions { Tag = "t", DaxWindow = DaxSetup.Size, DaxReplyLimit = TimeSpan.FromSeconds(1) });
        using var machine = host.Boot(new VirtualMachineOptions { Profile = VmmProfile.QemuGenericDevice });
        machine.Window!.OnRequest = _ => answer;

        machine.MountSession();

        Assert.False(machine.Fuse.Agreed.HasFlag(FuseInitFlags.MapAlignment));
        Assert.Equal("few bytes", System.Text.Encoding.UTF8.GetString(machine.Fuse.ReadFile("small")));
        Assert.Single(host.Logger.Lines, line => line.Text.Contains("could not be asked", StringComparison.Ordinal));
    }

    [Fact]
    public void What_never_changes_is_copied_into_one_file_that_is_mapped_once()
    {
        using var dax = new DaxSetup(likeQemu: true, traits: FileSystemTraits.Immutable);

        Assert.Equal(0, dax.Map(Range));
        Assert.Equal(0, dax.Fuse.SetupMapping(dax.Node, Range, Range, 3 * Range, writable: false));

        var mapping = Assert.Single(dax.Window.Mappings);
        Assert.Equal((0UL, DaxSetup.Size), (mapping.Offset, mapping.Length));
        Assert.Equal(dax.Content[..(int)Range], dax.Window.Read(Range, (int)Range));
        Assert.Equal([.. dax.Content[(int)Range..], .. new byte[3192]], dax.Window.Read(3 * Range, 8192));
        Assert.Equal((2, 0), dax.Counts);
        Assert.Single(dax.Window.Requests);

        // What a guest no longer wants costs nothing, and shows nothing.
        Assert.Equal(0, dax.Fuse.RemoveMapping(DaxSetup.Place(Range)));
        Assert.Equal(new byte[(int)Range], dax.Window.Read(Range, (int)Range));
        Assert.Equal((int)Errno.EINVAL, dax.Fuse.RemoveMapping(DaxSetup.Place(Range)));
        Assert.Equal((1, 0), dax.Counts);
        Assert.Empty(dax.Window.Refusals);
    }

    [Fact]
    public void A_copy_takes_the_place_of_another()
    {
        using var dax = new DaxSetup(likeQemu: true, traits: FileSystemTraits.Immutable);
        Assert.Equal(0, dax.Map(0));

        Assert.Equal(0, dax.Fuse.SetupMapping(dax.Node, Range, Range, 0, writable: false));

        Assert.Equal([.. dax.Content[(int)Range..], .. new byte[(int)Range - 5000]], dax.Window.Read(0, (int)Range));
        Assert.Equal((1, 0), dax.Counts);
    }

    [Fact]
    public void Copies_end_with_the_session_and_come_again_with_the_next()
    {
        using var dax = new DaxSetup(likeQemu: true, traits: FileSystemTraits.Immutable);
        Assert.Equal(0, dax.Map(0));
        dax.Machine.MountSession();
        Assert.Equal((0, 0), dax.Counts);
        Assert.Equal(0, dax.Fuse.SetupMapping(dax.Fuse.Walk("file").NodeId, 0, Range, Range, writable: false));
        Assert.Equal(new byte[(int)Range], dax.Window.Read(0, (int)Range));
        Assert.Equal(dax.Content[..(int)Range], dax.Window.Read(Range, (int)Range));
        Assert.Single(dax.Window.Mappings);

        // With the device's reset the VMM drops what it has mapped.
        dax.Machine.Stop();
        dax.Machine.ResetQueues();
        dax.Machine.Start();
        dax.Machine.MountSession();
        Assert.Equal((0, 0), dax.Counts);
        Assert.Equal(0, dax.Fuse.SetupMapping(dax.Fuse.Walk("file").NodeId, 0, Range, 0, writable: false));
        Assert.Equal(dax.Content[..(int)Range], dax.Window.Read(0, (int)Range));
        Assert.Empty(dax.Window.Refusals);
    }

    [Fact]
    public void What_cannot_be_copied_says_why()
    {
        using var dax = new DaxSetup(likeQemu: true, traits: FileSystemTraits.Immutable);

        Assert.Equal((int)Errno.EROFS, dax.Fuse.SetupMapping(dax.Node, 0, Range, 0, writable: true));
        Assert.Equal((int)Errno.ENXIO, dax.Fuse.SetupMapping(dax.Node, 2 * Range, Range, 0, writable: false));
        Assert.Equal((0, 0), dax.Counts);
    }

    [Fact]
    public void A_vmm_that_does_not_map_the_memory_gets_its_guest_an_error_and_is_asked_again()
    {
        using var dax = new DaxSetup(likeQemu: true, traits: FileSystemTraits.Immutable);
        dax.Window.OnRequest = _ => WindowAnswer.Refuse;
        Assert.Equal((int)Errno.EIO, dax.Map(0));
        Assert.Equal((0, 0), dax.Counts);

        dax.Window.OnRequest = null;
        Assert.Equal(0, dax.Map(0));
        Assert.Equal(dax.Content[..(int)Range], dax.Window.Read(0, (int)Range));
    }

    [Fact]
    public void Copies_leave_nothing_open()
    {
        using var dax = new DaxSetup(likeQemu: true, traits: FileSystemTraits.Immutable);
        Assert.Equal(0, dax.Map(0));
        Assert.Null(OpenDescriptors.LeftBy(() =>
        {
            for (var i = 0; i < 20; i++)
            {
                Assert.Equal(0, dax.Map(Range));
                Assert.Equal((int)Errno.ENXIO, dax.Fuse.SetupMapping(dax.Node, 2 * Range, Range, 0, writable: false));
                Assert.Equal(0, dax.Fuse.RemoveMapping(DaxSetup.Place(Range)));
            }
        }));
    }

    static Driver.FileSystems.MemoryFileSystem Small()
    {
        var files = new Driver.FileSystems.MemoryFileSystem();
        files.AddFile("small", "few bytes"u8);
        return files;
    }
}
