using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Fuse.Wire;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.Vmm;
using Xunit;

namespace VirtioFsStore.Daemon.Tests;

/// <summary>An image in a guest's window, served by the program.</summary>
public sealed class ImageDaxTests : IDisposable
{
    const ulong Range = 2 << 20;
    const uint Dax = 2;

    static readonly VirtualMachineOptions s_options = new() { Profile = VmmProfile.QemuGenericDevice };
    readonly TemporaryDirectory _directory = new();
    readonly Dictionary<string, byte[]> _contents = [];

    public ImageDaxTests()
    {
        var random = new Random(1);
        foreach (var size in (int[])[1, 4096, 4097, 65535, 65536, 300_001, 5_000_000])
        {
            _contents[$"f{size}"] = new byte[size];
            random.NextBytes(_contents[$"f{size}"]);
        }
        TinyImage.Create(_directory["image"], _contents);
    }

    string Socket => _directory["vfs.sock"];

    public void Dispose() => _directory.Dispose();

    ChildProcess Serve(params ReadOnlySpan<string> more) =>
        Daemon.Serve(Socket, [$"oci:{_directory["image"]}:latest", "--store", _directory["store"], "--tag", "t", "--dax-window", "64M", .. more]);

    /// <summary>The layer's data file, as whoever evicts opens it.</summary>
    FileStream OpenData() =>
        new(Assert.Single(Directory.GetFiles(_directory["store"], "data", SearchOption.AllDirectories)), FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);

    static bool IsPinned(FileStream data)
    {
        var wanted = new ByteRangeLock { Type = FileLocks.F_WRLCK };
        Assert.Equal(0, FileLocks.GetRange((int)data.SafeFileHandle.DangerousGetHandle(), ref wanted));
        return wanted.Type == FileLocks.F_RDLCK;
    }

    [Theory]
    [InlineData("namespace", false)]
    [InlineData("none", false)]
    [InlineData("namespace", true)]
    public void Every_file_of_an_image_is_mapped_whole(string sandbox, bool likeQemu)
    {
        using var daemon = Serve("--sandbox", sandbox);
        using var machine = VirtualMachine.Mount(Socket, s_options with { WindowLikeQemu = likeQemu });
        using var data = OpenData();

        foreach (var (name, content) in _contents)
        {
            var entry = machine.Fuse.Walk(name);
            Assert.Equal(content.Length >= 65536 ? Dax : 0, entry.Attr.Flags);
            for (var offset = 0UL; offset < (ulong)content.Length; offset += Range)
                Assert.Equal(0, machine.Fuse.SetupMapping(entry.NodeId, offset, Range, offset, writable: false));

            Assert.Equal(content, machine.Window!.Read(0, content.Length));
            var padding = (4096 - (content.Length % 4096)) % 4096;
            Assert.Equal(new byte[padding], machine.Window!.Read((ulong)content.Length, padding));
        }
        Assert.Empty(machine.Window!.Refusals);
        // Copies need no pin.
        Assert.Equal(!likeQemu, IsPinned(data));

        for (var offset = 0UL; offset < 3 * Range; offset += Range)
            Assert.Equal(0, machine.Fuse.RemoveMapping(new FuseRemoveMappingOne { WindowOffset = offset, Length = Range }));
        Assert.False(IsPinned(data));
    }

    [Theory]
    [InlineData(WindowAnswer.Refuse, false)]
    [InlineData(WindowAnswer.Silence, false)]
    [InlineData(WindowAnswer.Die, false)]
    [InlineData(WindowAnswer.Obey, true)]
    public void A_vmm_that_does_not_map_or_dies_meanwhile_leaves_neither_a_pin_nor_a_descriptor(WindowAnswer answer, bool dies)
    {
        using var daemon = Serve("--relisten", "--io-timeout", "1s");
        using var machine = VirtualMachine.Mount(Socket, s_options);
        using var data = OpenData();
        var connections = 1;

        Assert.Null(OpenDescriptors.LeftBy(
            () =>
            {
                using var gate = new ManualResetEventSlim(!dies);
                var wasPinned = false;
                using var arrived = new ManualResetEventSlim();
                machine.Window!.OnRequest = _ =>
                {
                    wasPinned = IsPinned(data);
                    arrived.Set();
                    gate.Wait();
                    return answer;
                };
                var map = machine.Fuse.Begin(FuseOpcode.SetupMapping, machine.Fuse.Walk("f5000000").NodeId)
                    .Append(new FuseSetupMappingIn { Fh = ulong.MaxValue, Length = Range, Flags = 2 });
                machine.Fuse.Requests.Post(map);
                machine.Fuse.Requests.Notify();
                arrived.Wait();
                if (dies)
                    machine.CutConnection();
                machine.Fuse.Requests.WaitFor(map);
                Assert.Equal((int)Errno.EIO, map.Error);
                Assert.True(wasPinned);
                connections++;
                if (!dies)
                    machine.Disconnect();
                Assert.True(daemon.WaitReady(connections, TimeSpan.FromSeconds(30)));
                gate.Set();
                machine.Disconnect();
                Assert.False(IsPinned(data));

                machine.ResetQueues();
                machine.Connect(Socket);
                machine.Start();
                machine.MountSession();
                Assert.Equal(0, machine.Fuse.SetupMapping(machine.Fuse.Walk("f5000000").NodeId, 0, Range, 0, writable: false));
                Assert.True(IsPinned(data));
                Assert.Equal(0, machine.Fuse.RemoveMapping(new FuseRemoveMappingOne { Length = Range }));
                Assert.False(IsPinned(data));
            },
            ServerProcesses.Of(daemon)));
    }

    [Fact]
    public void What_a_guest_has_mapped_stays_pinned_when_its_server_is_killed()
    {
        using var daemon = Serve();
        using var machine = VirtualMachine.Mount(Socket, s_options);
        using var data = OpenData();
        Assert.Equal(0, machine.Fuse.SetupMapping(machine.Fuse.Walk("f300001").NodeId, 0, Range, 0, writable: false));
        Assert.True(IsPinned(data));

        daemon.Kill();
        Assert.True(machine.Frontend.Socket.WaitForClose(TimeSpan.FromSeconds(30)));

        Assert.True(IsPinned(data));
        // Everything else goes.
        Assert.Equal(0, Daemon.Run("cache", "gc", "--keep", "0", "--store", _directory["store"]).ExitCode);
        Assert.Equal(_contents["f300001"], machine.Window!.Read(0, 300_001));

        machine.Disconnect();
        Assert.False(IsPinned(data));
    }

    [Fact]
    public void A_window_without_a_tag_is_refused()
    {
        var (code, _, error) = Daemon.Run("serve", "--socket-path", Socket, _directory.Path, "--dax-window", "256M");

        Assert.Equal(2, code);
        Assert.Contains("--tag", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("1G", true)]
    [InlineData("898M", true)]
    [InlineData("896M", false)]
    public void A_directorys_window_is_no_larger_than_a_vmm_survives(string size, bool isShortened)
    {
        using var daemon = Daemon.Serve(Socket, Directory.CreateDirectory(_directory["share"]).FullName, "--tag", "t", "--dax-window", size);
        using var machine = VirtualMachine.Mount(Socket, s_options);

        Assert.Equal(896UL << 20, machine.Window!.Size);
        Assert.Equal(isShortened ? 1 : 0, daemon.ErrorText.Split('\n').Count(line => line.Contains("The window has 896 MiB, not", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("3M")]
    [InlineData("1K")]
    [InlineData("32T")]
    [InlineData("much")]
    public void A_window_of_no_possible_size_is_refused(string size)
    {
        var (code, _, error) = Daemon.Run("serve", "--socket-path", Socket, _directory.Path, "--tag", "t", "--dax-window", size);

        Assert.Equal(2, code);
        Assert.Contains("--dax-window", error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd().Split('\n'));
    }
}
