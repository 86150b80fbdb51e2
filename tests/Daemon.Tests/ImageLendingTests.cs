using System.Globalization;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.Vmm;
using VirtioFsStore.RealServers;
using Xunit;

namespace VirtioFsStore.Daemon.Tests;

/// <summary>One copy of an image for all guests of VMMs that map only what is open for writing, as QEMU 11.1 does.</summary>
public sealed class ImageLendingTests : IDisposable
{
    const ulong Range = 2 << 20;
    const string Name = "file";
    const int Size = 3_000_001;

    /// <summary>In whole pages.</summary>
    const long Mapped = (Size + 4095) / 4096 * 4096;

    static readonly TimeSpan s_wait = TimeSpan.FromSeconds(30);
    static readonly VirtualMachineOptions s_options = new() { Profile = VmmProfile.QemuGenericDevice, WindowLikeQemu = true };

    readonly TemporaryDirectory _directory = new();
    readonly byte[] _content = new byte[Size];

    public ImageLendingTests()
    {
        new Random(1).NextBytes(_content);
        TinyImage.CreateRepeated(_directory["image"], new Dictionary<string, byte[]> { [Name] = _content }, 2);
    }

    public void Dispose() => _directory.Dispose();

    ChildProcess Serve(string name, params ReadOnlySpan<string> more) =>
        Daemon.Serve(_directory[name], [$"oci:{_directory["image"]}:latest", "--store", _directory["store"], "--tag", "t", "--dax-window", "64M", .. more]);

    VirtualMachine Boot(string name) => VirtualMachine.Mount(_directory[name], s_options);

    string Data => Assert.Single(Directory.GetFiles(_directory["store"], "data", SearchOption.AllDirectories));

    /// <summary>Bytes of the data file that the VMMs, which are this process, have mapped for writing.</summary>
    long MappedHere => File.ReadLines("/proc/self/maps")
        .Where(line => line.EndsWith(Data, StringComparison.Ordinal) && line.Contains(" rw-s ", StringComparison.Ordinal))
        .Select(line => Array.ConvertAll(line[..line.IndexOf(' ', StringComparison.Ordinal)].Split('-'), number => long.Parse(number, NumberStyles.HexNumber, CultureInfo.InvariantCulture)))
        .Sum(range => range[1] - range[0]);

    bool IsWritable
    {
        get
        {
            using var file = new FileDescriptor(Descriptors.Open(Data, OpenFlags.O_RDWR));
            return file.Value >= 0;
        }
    }

    static void Map(VirtualMachine machine)
    {
        var node = machine.Fuse.Walk(Name).NodeId;
        for (var offset = 0UL; offset < 2 * Range; offset += Range)
            Assert.Equal(0, machine.Fuse.SetupMapping(node, offset, Range, offset, writable: false));
    }

    void AssertRight(VirtualMachine machine)
    {
        Assert.Equal(_content, machine.Window!.Read(0, _content.Length));
        Assert.Empty(machine.Window!.Refusals);
    }

    /// <summary>Of what is to go, and of what is left.</summary>
    string Collect()
    {
        var (code, output, error) = Daemon.Run("cache", "gc", "--keep", "0", "--store", _directory["store"]);
        Assert.True(code == 0, error);
        return output;
    }

    [ImmutableFilesFact]
    public void Guests_of_sandboxed_servers_share_it() => Share("namespace");

    [ImmutableFilesFact]
    public void Guests_of_servers_without_a_sandbox_share_it() => Share("none");

    void Share(string sandbox)
    {
        using (var first = Serve("first", "--sandbox", sandbox))
        using (var second = Serve("second", "--sandbox", sandbox))
        {
            using (var one = Boot("first"))
            using (var two = Boot("second"))
            {
                Map(one);
                Map(two);
                Assert.Equal(2 * Mapped, MappedHere);
                Assert.False(IsWritable);
                Collect();
                AssertRight(one);
                AssertRight(two);
            }
            Assert.True(first.WaitForExit(s_wait) && second.WaitForExit(s_wait));
        }
        Assert.True(IsWritable);
    }

    [ImmutableFilesFact]
    public void What_is_lent_stays_as_it_is_when_a_server_is_killed_until_its_vmm_ends()
    {
        using (var killed = Serve("killed"))
        using (var machine = Boot("killed"))
        {
            Map(machine);
            killed.Kill();
            Assert.True(machine.Frontend.Socket.WaitForClose(s_wait));

            Collect();
            Assert.False(IsWritable);
            AssertRight(machine);
            // Another guest has what it needs, though nothing can be lent to it.
            using var next = Serve("next");
            using (var other = Boot("next"))
            {
                Map(other);
                AssertRight(other);
                Assert.Equal(Mapped, MappedHere);
            }
            Assert.True(next.WaitForExit(s_wait));
            Assert.Contains("what was lent before to a server that has ended", next.ErrorText, StringComparison.Ordinal);
        }

        using var last = Serve("last");
        using var again = Boot("last");
        Map(again);
        Assert.Equal(Mapped, MappedHere);
        AssertRight(again);
    }

    [ImmutableFilesFact]
    public void Guests_go_on_when_the_keeper_that_lent_it_is_killed()
    {
        using var keeper = ChildProcess.Start(Daemon.Program, ["keeper", "--store", _directory["store"]], readyText: ActivatedKeeper.InOffice);
        using var server = Serve("vfs");
        using var machine = Boot("vfs");
        Map(machine);

        keeper.Kill();
        Assert.True(keeper.WaitForExit(s_wait));
        Assert.Equal(0, machine.Fuse.RemoveMapping(new Driver.Fuse.Wire.FuseRemoveMappingOne { WindowOffset = 0, Length = Range }));
        Map(machine);

        Collect();
        AssertRight(machine);
        Assert.Equal(Mapped, MappedHere);
    }

    [Fact]
    public void Nothing_is_lent_where_that_is_not_wanted()
    {
        using var server = Serve("vfs", "--dax-share=never");
        using var machine = Boot("vfs");
        Map(machine);

        Assert.Equal(0, MappedHere);
        Assert.True(IsWritable);
        AssertRight(machine);
    }
}
