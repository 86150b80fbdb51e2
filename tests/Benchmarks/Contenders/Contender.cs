using System.Diagnostics;
using VirtioFsStore.Benchmarks.Interop;
using VirtioFsStore.Benchmarks.Load;
using VirtioFsStore.Benchmarks.Measurement;
using VirtioFsStore.Benchmarks.Trees;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.Memory;
using VirtioFsStore.Driver.Vmm;

namespace VirtioFsStore.Benchmarks.Contenders;

/// <summary>A running daemon, and the machine that drives it.</summary>
sealed class Contender : IDisposable
{
    public const int MaxDepth = 32;
    public const int MaxData = 1 << 20;

    /// <summary>A READ of 1 MiB is 257 descriptors, and Linux makes no chain longer than the queue.</summary>
    const ushort QueueSize = 1024;
    const ulong GuestMemorySize = 256UL << 20;

    readonly ChildProcess _daemon;
    readonly VirtualMachine _machine;
    readonly LoadGenerator[] _generators;

    Contender(string name, ChildProcess daemon, VirtualMachine machine)
    {
        Name = name;
        _daemon = daemon;
        _machine = machine;
        Forgets = new ForgetQueue(machine.Queues[0], machine.Memory);
        _generators = [.. machine.Clients.Select(client => new LoadGenerator(client.Requests.Queue, machine.Memory, MaxDepth, MaxData))];
        IdleMemory = MemoryUsage.Of(daemon.Id);
        View = GuestView.Walk(machine.Fuse);
    }

    public string Name { get; }

    public int ProcessId => _daemon.Id;

    public int Queues => _generators.Length;

    public GuestView View { get; }

    public ForgetQueue Forgets { get; }

    /// <summary>Bytes, with a guest that has mounted and asked for nothing yet.</summary>
    public long IdleMemory { get; }

    public static Contender Start(string name, string program, IEnumerable<string> arguments, string socket, int queues)
    {
        var daemon = ChildProcess.Start(program, arguments);
        VirtualMachine? machine = null;
        try
        {
            machine = VirtualMachine.Mount(socket, new VirtualMachineOptions
            {
                RequestQueues = queues,
                QueueSize = QueueSize,
                Depth = 4,
                DataCapacity = 64 << 10,
                Memory = MemoryLayout.Flat(GuestMemorySize),
            });
            return new Contender(name, daemon, machine);
        }
        catch
        {
            machine?.Dispose();
            daemon.Dispose();
            throw;
        }
    }

    /// <summary>Runs a workload on all queues at once.</summary>
    /// <param name="workload">Makes each queue's own, from the contender and the queue's number.</param>
    /// <param name="depth">Requests outstanding on each queue.</param>
    /// <param name="duration">How long operations begin.</param>
    /// <param name="processors">Where the daemon's threads and the generators may run.</param>
    public Round Run(Func<Contender, int, Workload> workload, int depth, TimeSpan duration, ulong[] processors)
    {
        Pin(processors);
        var results = new LoadResult[Queues];
        var histograms = new LatencyHistogram[Queues];
        var dataLength = 0;
        Exception? failure = null;
        var threads = new Thread[Queues];
        for (var i = 0; i < Queues; i++)
        {
            var (queue, own) = (i, workload(this, i));
            histograms[queue] = new LatencyHistogram();
            dataLength = own.DataLength;
            threads[i] = new Thread(() =>
            {
                Scheduling.SetAffinity(0, processors);
                try
                {
                    results[queue] = _generators[queue].Run(own, depth, duration, histograms[queue]);
                }
                catch (Exception exception)
                {
                    failure = exception;
                }
            });
        }
        var daemonTime = Scheduling.ProcessTime(ProcessId);
        var start = Stopwatch.GetTimestamp();
        foreach (var thread in threads)
            thread.Start();
        foreach (var thread in threads)
            thread.Join();
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        if (failure is not null)
            throw new InvalidOperationException($"{Name}: {failure.Message} {_daemon.ErrorText}", failure);
        Forgets.Drain();
        daemonTime = Scheduling.ProcessTime(ProcessId) - daemonTime;
        for (var i = 1; i < Queues; i++)
            histograms[0].Add(histograms[i]);
        return new Round(
            seconds, results.Sum(one => one.Operations), results.Sum(one => one.Requests), dataLength,
            daemonTime, results.Sum(one => one.ProcessorTime), histograms[0]);
    }

    /// <summary>Reads every small file once.</summary>
    public void ReadAll()
    {
        Span<byte> content = new byte[SampleTree.FileSize];
        foreach (var file in View.Files)
        {
            var handle = View.OpensFiles ? _machine.Fuse.Open(file.Node).Value.Fh : 0;
            _ = _machine.Fuse.Read(file.Node, handle, 0, content).Value;
            if (View.OpensFiles)
                _ = _machine.Fuse.Release(file.Node, handle);
        }
    }

    public void Dispose()
    {
        _machine.Dispose();
        _daemon.Dispose();
    }

    void Pin(ulong[] processors)
    {
        foreach (var thread in Directory.GetDirectories($"/proc/{ProcessId}/task"))
            Scheduling.SetAffinity(int.Parse(Path.GetFileName(thread)), processors);
    }
}
