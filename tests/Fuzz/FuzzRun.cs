using System.Diagnostics;
using VirtioFsStore.Driver.Hosting;

namespace VirtioFsStore.Fuzz;

/// <summary>Runs a target over seeds, one after another, and looks after what every iteration must give back.</summary>
public sealed class FuzzRun(FuzzTarget target)
{
    /// <summary>An iteration may allocate this much: a request, an image or a document costs a fraction of it.</summary>
    const long MaxAllocation = 512L << 20;

    /// <summary>Called before each iteration with its seed, so that a process that dies is known by its last one.</summary>
    public Action<int>? Starting { get; init; }

    public int Iterations { get; private set; }

    /// <summary>The seed of the last iteration.</summary>
    public int Seed { get; private set; }

    /// <summary>Seeds from <paramref name="first"/> on, until <paramref name="count"/> have been run or the time is over.</summary>
    /// <exception cref="FuzzException">An iteration failed; the message names the seed.</exception>
    public void Run(int first, int count = int.MaxValue, TimeSpan? time = null)
    {
        var clock = Stopwatch.StartNew();
        // What is made once, by the runtime and by the target, is made.
        RunOne(first);
        var descriptors = OpenDescriptors.Count();
        for (var i = 1; i < count && !(clock.Elapsed > time); i++)
        {
            RunOne(unchecked(first + i));
            var now = OpenDescriptors.Count();
            if (now > descriptors)
                descriptors = Explain(now);
        }
    }

    void RunOne(int seed)
    {
        Seed = seed;
        Starting?.Invoke(seed);
        var before = GC.GetTotalAllocatedBytes();
        try
        {
            target.Run(seed);
        }
        catch (Exception exception)
        {
            throw new FuzzException($"{target.Name}, seed {seed}: {exception}");
        }
        Iterations++;
        var allocated = GC.GetTotalAllocatedBytes() - before;
        if (allocated > MaxAllocation)
            throw new FuzzException($"{target.Name}, seed {seed}: {allocated} bytes were allocated");
    }

    /// <summary>The runtime opens descriptors when it pleases, so that one growth says nothing; a leak grows each time.</summary>
    int Explain(int now)
    {
        if (OpenDescriptors.LeftBy(() => target.Run(Seed)) is { } left)
            throw new FuzzException($"{target.Name}, seed {Seed}: descriptors are left open: {left}");
        return Math.Max(now, OpenDescriptors.Count());
    }
}
