using VirtioFsStore.Backends.Local;
using VirtioFsStore.Core.Fuse;
using VirtioFsStore.Core.Mounts;
using VirtioFsStore.Core.Storage;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.Vmm;
using VirtioFsStore.Fuzz.Fuse;

namespace VirtioFsStore.Fuzz.Targets;

/// <summary>
/// FUSE bytes through descriptor chains into the dispatcher and a real backend, from two queues at once. Afterwards nothing beside
/// the share has changed, no exception reached the catch-all, and all descriptors are back.
/// </summary>
public sealed class FuseTarget : FuzzTarget
{
    const int Queues = 2;
    const int Rounds = 25;

    /// <summary>Of a lock that is waited for; nothing else waits.</summary>
    static readonly TimeSpan s_waitLimit = TimeSpan.FromMilliseconds(20);

    readonly bool _local;
    readonly bool _image;
    readonly FuzzImage? _images;

    FuseTarget(string name, bool local, bool image)
    {
        Name = name;
        _local = local;
        _image = image;
        _images = image ? new FuzzImage(FuzzImage.Sample) : null;
    }

    public override string Name { get; }

    public override string Description => $"FUSE requests of a hostile guest on two queues, to {(_local ? _image ? "a directory and an image under one root" : "a directory" : "an image")}";

    public override int ShortRun => 60;

    /// <summary>Requests that came back, of all iterations.</summary>
    public int Answered { get; private set; }

    /// <summary>Those that did something.</summary>
    public int Succeeded { get; private set; }

    public static FuseTarget OfDirectory() => new("fuse-directory", local: true, image: false);

    public static FuseTarget OfImage() => new("fuse-image", local: false, image: true);

    public static FuseTarget OfBoth() => new("fuse-mounts", local: true, image: true);

    public override void Run(int seed)
    {
        var random = new Random(seed);
        using var folder = Scratch.Create();
        var canary = new Canary(Path.Combine(folder.Path, "outside"));
        var share = Path.Combine(folder.Path, "share");
        MakeShare(share);
        var budget = new DescriptorBudget(random.Next(3) == 0 ? 24 : 2000);
        var local = _local ? LocalFileSystem.Open(Options(share, budget, random)) : null;
        var image = _images?.Open();
        var held = budget.Used;
        try
        {
            Serve(random, local, image);
            Require(budget.Used == held, $"{budget.Used} descriptors are held by the session that has ended, {held} before it began");
        }
        finally
        {
            image?.DisposeAsync().AsTask().GetAwaiter().GetResult();
            local?.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
        if (canary.Changes() is { } changes)
            throw new FuzzException(changes);
        foreach (var (fd, path) in OpenDescriptors.List())
            Require(!path.StartsWith(folder.Path, StringComparison.Ordinal), $"descriptor {fd} is still open: {path}");
    }

    protected override void Dispose(bool disposing)
    {
        _images?.Dispose();
        base.Dispose(disposing);
    }

    static LocalOptions Options(string share, DescriptorBudget budget, Random random) => new()
    {
        Path = share,
        Descriptors = budget,
        Xattr = random.Next(4) != 0,
        PosixLocks = random.Next(2) == 0,
        Flock = random.Next(2) == 0,
        Writeback = random.Next(4) == 0,
        KillPrivileges = random.Next(2) == 0,
        AllowDirectIo = random.Next(4) == 0,
        PreserveNoAtime = random.Next(4) == 0,
        ReadOnly = random.Next(8) == 0,
        FileHandles = random.Next(3) == 0 ? FileHandleMode.Never : FileHandleMode.Prefer,
        Cache = (CacheMode)random.Next(4),
    };

    static void MakeShare(string share)
    {
        Directory.CreateDirectory(Path.Combine(share, "dir", "a"));
        File.WriteAllText(Path.Combine(share, "a"), "a file");
        File.WriteAllText(Path.Combine(share, "dir", "b"), new string('b', 9000));
        File.CreateSymbolicLink(Path.Combine(share, "link"), "../outside/secret");
        File.CreateSymbolicLink(Path.Combine(share, "out"), "../outside");
        File.CreateSymbolicLink(Path.Combine(share, "dir", "out"), Path.Combine(Path.GetDirectoryName(share)!, "outside"));
    }

    void Serve(Random random, IFileSystem? local, IFileSystem? image)
    {
        Router router;
        if (local is null || image is null)
        {
            router = Router.Single(local ?? image!);
        }
        else
        {
            router = Router.Pseudo();
            router.Add("/share", local);
            router.Add("/image", image);
        }
        var options = new SessionOptions
        {
            IoTimeout = s_waitLimit,
            MaxWrite = 16 << 10,
            PosixAcl = (FeatureMode)random.Next(3),
            Writeback = random.Next(4) == 0,
            KillPrivilegesV2 = random.Next(2) == 0,
        };
        using var host = new ServerHost(router, new ServerHostOptions { Session = options, RequestQueues = Queues });
        using (var machine = host.Boot(new VirtualMachineOptions { RequestQueues = Queues, Depth = 6, DataCapacity = 16 << 10, QueueSize = 128, Indirect = random.Next(2) == 0 }))
            Attack(machine, random);
        Require(host.WaitForEnd(), "the server does not end");
        foreach (var (_, text) in host.Logger.Lines)
            Require(!text.Contains("failed inside", StringComparison.Ordinal) && !text.Contains("Exception", StringComparison.Ordinal) && !text.Contains("is stopped", StringComparison.Ordinal), text);
    }

    void Attack(VirtualMachine machine, Random random)
    {
        var known = new KnownObjects();
        var seeds = (int[])[random.Next(), random.Next()];
        Exception? failure = null;
        if (random.Next(8) != 0)
            new GuestQueue(machine.Clients[0].Requests, random, known).Initialise();
        var threads = new Thread[Queues];
        var queues = new GuestQueue[Queues];
        for (var i = 0; i < Queues; i++)
        {
            var queue = queues[i] = new GuestQueue(machine.Clients[i].Requests, new Random(seeds[i]), known);
            threads[i] = new Thread(() =>
            {
                try
                {
                    queue.Run(Rounds);
                }
                catch (Exception exception)
                {
                    failure = exception;
                }
            });
            threads[i].Start();
        }
        foreach (var thread in threads)
            thread.Join();
        Answered += queues.Sum(queue => queue.Answered);
        Succeeded += queues.Sum(queue => queue.Succeeded);
        if (failure is not null)
            throw new FuzzException($"{failure}");
    }
}
