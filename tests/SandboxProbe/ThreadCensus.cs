using VirtioFsStore.Daemon.Sandboxing;

namespace VirtioFsStore.SandboxProbe;

/// <summary>Threads of all ages: our own and the pool's from before the filter, the runtime's, and some that start under it.</summary>
static class ThreadCensus
{
    const int Started = 4;

    /// <summary>Prints how many there are, how many are under a filter (mode 2, proc(5)), and how many can gain no privileges.</summary>
    public static void Take(SeccompAction action)
    {
        using var end = new ManualResetEventSlim();
        using var running = new CountdownEvent(2 * Started);
        void Live()
        {
            running.Signal();
            end.Wait();
        }

        void Start()
        {
            for (var i = 0; i < Started; i++)
                new Thread(Live) { IsBackground = true }.Start();
        }

        ThreadPool.SetMinThreads(Started, Started);
        Start();
        for (var i = 0; i < Started; i++)
            ThreadPool.QueueUserWorkItem(_ => Live());
        running.Wait();

        SeccompFilter.Install(action);
        running.Reset(Started);
        Start();
        running.Wait();

        var threads = Directory.GetDirectories("/proc/self/task").Select(thread => File.ReadAllLines(Path.Combine(thread, "status"))).ToArray();
        Console.WriteLine($"threads {threads.Length} filtered {threads.Count(lines => lines.Contains("Seccomp:\t2"))} confined {threads.Count(lines => lines.Contains("NoNewPrivs:\t1"))}");
        end.Set();
    }
}
