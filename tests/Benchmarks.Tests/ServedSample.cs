using VirtioFsStore.Benchmarks.Contenders;
using VirtioFsStore.Benchmarks.Trees;
using VirtioFsStore.Driver.Hosting;

namespace VirtioFsStore.Benchmarks.Tests;

/// <summary>Our daemon, serving a small sample tree from a directory and from an image.</summary>
public sealed class ServedSample : IDisposable
{
    const int Files = 200;
    const long LargeSize = 4 << 20;

    readonly TemporaryDirectory _directory = new();
    readonly SampleImage _image = new(Files, LargeSize);

    public ServedSample()
    {
        var program = Path.Combine(AppContext.BaseDirectory, DaemonCommand.OwnProgram);
        SampleTree.Create(Share, Files, LargeSize);
        Directory = Contender.Start("ours", program, new DaemonCommand(program).Serve(Share, _directory["a"]), _directory["a"], queues: 1);
        TwoQueues = Contender.Start("ours", program, new DaemonCommand(program).Serve(Share, _directory["b"]), _directory["b"], queues: 2);
        Image = Contender.Start(
            "ours", program, DaemonCommand.ServeImage(_image.Layout, _directory["store"], _directory["c"]), _directory["c"], queues: 1);
    }

    public string Share => _directory["share"];

    internal Contender Directory { get; }

    internal Contender TwoQueues { get; }

    internal Contender Image { get; }

    public void Dispose()
    {
        Directory.Dispose();
        TwoQueues.Dispose();
        Image.Dispose();
        _image.Dispose();
        _directory.Dispose();
    }
}
