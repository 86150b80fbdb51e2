using System.Diagnostics;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.SandboxProbe;

/// <summary>What a system call costs: one that needs no look at its arguments, and ones that do.</summary>
static class CallCost
{
    const int Calls = 5_000;
    const int Rounds = 400;

    /// <summary>The best of many short rounds, in nanoseconds, as the machine may be shared.</summary>
    public static void Print(string name)
    {
        Console.WriteLine(
            $"{name}: getppid {Measure("getppid")} ns, lseek of no file {Measure("lseek", -1)} ns, fcntl F_GETFL {Measure("fcntl", 0, 3)} ns, fcntl of no file, last command of the list {Measure("fcntl", -1, 1034)} ns");
    }

    static long Measure(string call, params ReadOnlySpan<nint> arguments)
    {
        var number = SystemCalls.Find(call).Number;
        var best = long.MaxValue;
        for (var round = 0; round < Rounds; round++)
        {
            var start = Stopwatch.GetTimestamp();
            for (var i = 0; i < Calls; i++)
                _ = RawCall.Make(number, arguments);
            best = Math.Min(best, (long)(Stopwatch.GetElapsedTime(start).TotalNanoseconds / Calls));
        }
        return best;
    }
}
