using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;
using VirtioFsStore.Driver.Fuse;
using Xunit;

namespace VirtioFsStore.Core.Tests.Integration;

/// <summary>Files that never change, and their one copy in the hands of VMMs that map only what is open for writing.</summary>
public sealed class DaxLendingTests
{
    const ulong Range = DaxSetup.Range;

    /// <summary>Of the window's first part.</summary>
    const ulong Shared = 128 * Range;

    static DaxSetup Lending(ulong size = DaxSetup.Size, Errno answer = Errno.None)
    {
        var dax = new DaxSetup(likeQemu: true, traits: FileSystemTraits.Immutable, size: size);
        dax.Files.LendAnswer = answer;
        dax.Files.MapsForWriting = true;
        return dax;
    }

    [Fact]
    public void What_is_lent_is_mapped_as_it_is()
    {
        using var dax = Lending();

        Assert.Equal(0, dax.Map(0));
        Assert.Equal(0, dax.Map(3 * Range));

        Assert.Equal([true, true], dax.Files.MapsAsWritable);
        Assert.Equal((2, 2), dax.Counts);
        Assert.Equal([0UL, 3 * Range], dax.Window.Mappings.Select(mapping => mapping.Offset));
        Assert.Equal(dax.Content[..(int)Range], dax.Window.Read(3 * Range, (int)Range));
        Assert.Equal(1, dax.Files.LendCount);
        Assert.Single(dax.Host.Logger.Lines, line => line.Text.Contains("shares with others", StringComparison.Ordinal));
        Assert.Equal(0, dax.Fuse.RemoveMapping(DaxSetup.Place(0)));
        Assert.Equal((1, 1), dax.Counts);
        Assert.Empty(dax.Window.Refusals);
    }

    [Theory]
    [InlineData(Errno.ENODATA, "not all of it is in the store, and verified, yet")]
    [InlineData(Errno.EPERM, "CAP_LINUX_IMMUTABLE")]
    [InlineData(Errno.EOPNOTSUPP, "ext4")]
    public void What_cannot_be_lent_is_copied_and_the_log_says_why(Errno answer, string reason)
    {
        using var dax = Lending(answer: answer);

        Assert.Equal(0, dax.Map(0));
        Assert.Equal(0, dax.Map(Range));

        Assert.Equal((0UL, DaxSetup.Size), (Assert.Single(dax.Window.Mappings).Offset, dax.Window.Mappings[0].Length));
        Assert.Equal(1, dax.Files.LendCount);
        Assert.Single(dax.Host.Logger.Lines, line => line.Text.Contains(reason, StringComparison.Ordinal));
    }

    [Fact]
    public void A_guest_that_maps_whatever_it_opens_gets_copies()
    {
        using var dax = Lending();
        dax.Machine.MountSession(FuseInitFlags.LinuxDax & ~FuseInitFlags.HasInodeDax);

        Assert.Equal(0, dax.Map(0));

        Assert.Equal(DaxSetup.Size, Assert.Single(dax.Window.Mappings).Length);
        Assert.Equal(0, dax.Files.LendCount);
        Assert.Single(dax.Host.Logger.Lines, line => line.Text.Contains("the guest mounts with dax=always", StringComparison.Ordinal));
    }

    [Fact]
    public void What_a_guest_with_dax_always_cannot_read_the_log_tells_once()
    {
        using var dax = new DaxSetup();
        Assert.Equal((int)Errno.ENXIO, dax.Fuse.SetupMapping(dax.Node, 4 * Range, Range, 0, writable: false));
        Assert.DoesNotContain(dax.Host.Logger.Lines, line => line.Text.Contains("dax=always", StringComparison.Ordinal));

        dax.Machine.MountSession(FuseInitFlags.LinuxDax & ~FuseInitFlags.HasInodeDax);
        for (var i = 0; i < 2; i++)
            Assert.Equal((int)Errno.ENXIO, dax.Fuse.SetupMapping(dax.Fuse.Walk("file").NodeId, 4 * Range, Range, 0, writable: false));

        Assert.Single(dax.Host.Logger.Lines, line => line.Text.Contains("Mount without dax=always", StringComparison.Ordinal));
    }

    [Fact]
    public void Behind_the_first_part_of_a_large_window_all_is_copied()
    {
        using var dax = Lending(Shared + 4 * Range);

        Assert.Equal(0, dax.Map(Shared - Range));
        Assert.Equal(0, dax.Map(Shared));
        Assert.Equal(0, dax.Map(Shared + Range));
        // Linux has ranges of 2 MiB; who asks for what is neither gets an answer, and nothing else.
        Assert.Equal((int)Errno.EINVAL, dax.Fuse.SetupMapping(dax.Node, 0, 2 * Range, Shared - Range, writable: false));
        Assert.Equal(0, dax.Map(Shared - Range));

        Assert.Equal([(Shared - Range, Range), (Shared, 4 * Range)], dax.Window.Mappings.Select(mapping => (mapping.Offset, mapping.Length)));
        Assert.Equal(dax.Content[..(int)Range], dax.Window.Read(Shared - Range, (int)Range));
        Assert.Equal(dax.Content[..(int)Range], dax.Window.Read(Shared + Range, (int)Range));
        Assert.Equal((3, 1), dax.Counts);
        Assert.Equal(0, dax.Fuse.RemoveMapping(DaxSetup.Place(Shared)));
        Assert.Equal(new byte[(int)Range], dax.Window.Read(Shared, (int)Range));
        Assert.Equal(dax.Content[..(int)Range], dax.Window.Read(Shared + Range, (int)Range));
        Assert.Equal((2, 1), dax.Counts);
        Assert.Empty(dax.Window.Refusals);
    }

    [Fact]
    public void The_next_session_may_have_it_the_other_way()
    {
        using var dax = Lending(Shared + 4 * Range);
        Assert.Equal(0, dax.Map(0));
        Assert.Equal(0, dax.Map(Shared));

        dax.Machine.MountSession(FuseInitFlags.LinuxDax & ~FuseInitFlags.HasInodeDax);
        Assert.Equal(0, dax.Counts.Mappings);
        Assert.Equal(0, dax.Fuse.SetupMapping(dax.Fuse.Walk("file").NodeId, 0, Range, 0, writable: false));
        Assert.Equal(Shared + 4 * Range, Assert.Single(dax.Window.Mappings).Length);

        dax.Machine.MountSession();
        Assert.Equal(0, dax.Counts.Mappings);
        Assert.Equal(0, dax.Fuse.SetupMapping(dax.Fuse.Walk("file").NodeId, 0, Range, Range, writable: false));
        Assert.Equal((Range, Range), (Assert.Single(dax.Window.Mappings).Offset, dax.Window.Mappings[0].Length));
        Assert.Equal(1, dax.Counts.Mappings);
        Assert.Empty(dax.Window.Refusals);
    }
}
