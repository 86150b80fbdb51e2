using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.Vmm;
using VirtioFsStore.FaultProxy;
using Xunit;

namespace VirtioFsStore.Daemon.Tests.Lazy;

/// <summary>A store of a test's own, and between it and a real place a proxy that counts and misbehaves as it is told.</summary>
sealed class LazySetup : IAsyncDisposable
{
    public static readonly TimeSpan Wait = TimeSpan.FromSeconds(60);

    const int PieceOfRead = 64 << 10;

    readonly TemporaryDirectory _directory = new();
    readonly PlaceKind _kind;

    LazySetup(PlaceKind kind, FaultServer proxy, KnownImage image) => (_kind, Proxy, Image) = (kind, proxy, image);

    public FaultServer Proxy { get; }

    public KnownImage Image { get; }

    public string Store => _directory["store"];

    public string Reference => ReferenceTo("v1");

    public IReadOnlyDictionary<string, string> Environment => RemotePlaces.EnvironmentOf(Proxy.Url);

    public static async Task<LazySetup> CreateAsync(RemotePlaces places, PlaceKind kind) =>
        new(kind, FaultServer.Forward(await places.EndpointAsync(kind)), places.Image);

    public string ReferenceTo(string tag) => RemotePlaces.Reference(_kind, Proxy.Host, tag);

    public string SocketOf(string name) => _directory[$"{name}.sock"];

    public string PathOf(string name) => _directory[name];

    /// <summary>Serves tag v1; ready when it returns.</summary>
    public ChildProcess Serve(string name = "vfs", params ReadOnlySpan<string> more) => ServeReference(name, Reference, more);

    public ChildProcess ServeReference(string name, string reference, params ReadOnlySpan<string> more) => ChildProcess.Start(
        Daemon.Program, ["serve", "--socket-path", SocketOf(name), reference, "--store", Store, .. more], environment: Environment);

    /// <summary>Lets the store get to know the image, in the time that it takes: servers with short limits start without the source then.</summary>
    public void Learn()
    {
        using var server = Serve("learn");
    }

    /// <summary>Reads all files until no read fails: on a busy machine, a short limit may be over for other reasons.</summary>
    public void AssertAllRightInTheEnd(FuseClient fuse) =>
        Assert.True(SpinWait.SpinUntil(() => CountFailures(fuse) == 0, Wait), "Reads go on to fail.");

    /// <summary>A server that is expected to end by itself.</summary>
    public (int ExitCode, string Error) Refused(string reference, params ReadOnlySpan<string> more)
    {
        using var process = ChildProcess.Launch(
            Daemon.Program, ["serve", "--socket-path", SocketOf("refused"), reference, "--store", Store, .. more], environment: Environment);
        Assert.True(process.WaitForExit(Wait), process.ErrorText);
        return (process.ExitCode, process.ErrorText);
    }

    public VirtualMachine Boot(string name = "vfs", VirtualMachineOptions? options = null) => VirtualMachine.Mount(SocketOf(name), options);

    /// <summary>Nobody answers at the place until <see cref="FaultServer.Heal"/>.</summary>
    public void TakeDown() => Proxy.Inject(new Fault { ResetAfter = -1 }, int.MaxValue);

    /// <summary>Reads all files, to the last byte.</summary>
    public void AssertAllRight(FuseClient fuse, string at = "") => AssertAllRight(fuse, Image, at);

    public static void AssertAllRight(FuseClient fuse, KnownImage image, string at = "")
    {
        foreach (var (path, content) in image.Files)
            AssertRight(fuse, path, content, at);
    }

    /// <summary>Reads all files in pieces; what fails, fails with EIO. Returns how many reads did.</summary>
    public int CountFailures(FuseClient fuse)
    {
        var failures = 0;
        foreach (var (path, content) in Image.Files)
        {
            var node = fuse.Walk(path).NodeId;
            for (var offset = 0; offset < content.Length; offset += PieceOfRead)
            {
                var (error, bytes) = fuse.Read(node, 0, (ulong)offset, PieceOfRead);
                if (error == 0)
                    AssertSame(path, offset, content.AsSpan(offset, Math.Min(PieceOfRead, content.Length - offset)), bytes);
                else
                    Assert.Equal((int)Errno.EIO, error);
                failures += error == 0 ? 0 : 1;
            }
        }
        return failures;
    }

    public void AssertRight(FuseClient fuse, string path, string at = "") => AssertRight(fuse, path, Image.Files[path], at);

    public async ValueTask DisposeAsync()
    {
        await Proxy.DisposeAsync();
        _directory.Dispose();
    }

    static void AssertRight(FuseClient fuse, string path, byte[] content, string at)
    {
        AssertSame(path, 0, content, fuse.ReadFile($"{at}{path}"));
    }

    /// <summary>Not by Assert.Equal, which is slow over megabytes.</summary>
    static void AssertSame(string path, long offset, ReadOnlySpan<byte> expected, ReadOnlySpan<byte> read)
    {
        if (!expected.SequenceEqual(read))
            Assert.Fail($"{path} at {offset} gave {read.Length} bytes instead of {expected.Length}, or others from {expected.CommonPrefixLength(read)} on.");
    }
}
