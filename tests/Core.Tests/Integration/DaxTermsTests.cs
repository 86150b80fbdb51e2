using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.Vmm;
using Xunit;

namespace VirtioFsStore.Core.Tests.Integration;

/// <summary>What a VMM maps is found out before its guest sees a file.</summary>
public sealed class DaxTermsTests
{
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

    static Driver.FileSystems.MemoryFileSystem Small()
    {
        var files = new Driver.FileSystems.MemoryFileSystem();
        files.AddFile("small", "few bytes"u8);
        return files;
    }
}
