using System.Diagnostics;
using System.Linq.Expressions;
using System.Net.Sockets;
using System.Runtime;
using System.Text.RegularExpressions;

namespace VirtioFsStore.SandboxProbe;

/// <summary>What a runtime does late or seldom, and what must not end a guest's server when it comes to it.</summary>
static class RuntimeExercise
{
    const int PoolThreads = 24;

    public static void Run()
    {
        Collect();
        StartAndEndThreads();
        GrowAndShrinkPool();
        ThrowDeep();
        CompileNewCode();
        UseFiles();
        UseSockets().GetAwaiter().GetResult();
        AskDiagnostics().GetAwaiter().GetResult();
        AskAboutProcess();
    }

    static void Collect()
    {
        var kept = new List<byte[]>();
        for (var i = 0; i < 4000; i++)
        {
            kept.Add(new byte[i % 40 == 0 ? 2_000_000 : 20_000]);
            if (kept.Count > 100)
                kept.RemoveAt(i % kept.Count);
        }
        GCSettings.LargeObjectHeapCompactionMode = GCLargeObjectHeapCompactionMode.CompactOnce;
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        Require(GC.TryStartNoGCRegion(16 << 20), "a region without collections");
        GC.EndNoGCRegion();
        GC.KeepAlive(kept);
    }

    static void StartAndEndThreads()
    {
        for (var i = 0; i < 100; i++)
        {
            var thread = new Thread(static () => { }, maxStackSize: i % 2 == 0 ? 0 : 16 << 20) { Name = $"probe{i}", Priority = ThreadPriority.AboveNormal };
            thread.Start();
            thread.Join();
        }
    }

    static void GrowAndShrinkPool()
    {
        ThreadPool.SetMinThreads(PoolThreads, PoolThreads);
        using var all = new CountdownEvent(PoolThreads);
        using var end = new ManualResetEventSlim();
        for (var i = 0; i < PoolThreads; i++)
        {
            ThreadPool.QueueUserWorkItem(_ =>
            {
                all.Signal();
                end.Wait();
            });
        }
        Require(all.Wait(TimeSpan.FromMinutes(1)), "a pool that grows");
        end.Set();
        ThreadPool.SetMinThreads(1, 1);
        // Idle ones end after a time that the caller sets short (DOTNET_ThreadPool_ThreadTimeoutMs).
        Require(SpinWait.SpinUntil(() => ThreadPool.ThreadCount < PoolThreads / 2, TimeSpan.FromMinutes(1)), "a pool that shrinks");
        using var timer = new Timer(_ => { }, null, 1, 1);
        Task.Delay(20).Wait();
    }

    static void ThrowDeep()
    {
        static void Down(int depth)
        {
            if (depth > 0)
                Down(depth - 1);
            else
                throw new InvalidOperationException("deep");
        }

        try
        {
            Task.Run(() => Down(50)).GetAwaiter().GetResult();
        }
        catch (InvalidOperationException exception)
        {
            // The line numbers come from a file of symbols, mapped now.
            Require(exception.ToString().Contains("RuntimeExercise.cs:line", StringComparison.Ordinal), "line numbers in a stack trace");
        }
        try
        {
            _ = Nothing()!.Length;
        }
        catch (NullReferenceException)
        {
            // By SIGSEGV.
        }
    }

    static string? Nothing() => null;

    static void CompileNewCode()
    {
        var type = typeof(int);
        for (var i = 0; i < 12; i++)
        {
            type = typeof(ValueTuple<,>).MakeGenericType(type, typeof(long));
            var list = (System.Collections.IList)Activator.CreateInstance(typeof(List<>).MakeGenericType(type))!;
            list.Add(Activator.CreateInstance(type));
        }
        var argument = Expression.Parameter(typeof(int));
        Require(Expression.Lambda<Func<int, int>>(Expression.Multiply(argument, argument), argument).Compile()(7) == 49, "compiled expressions");
        Require(new Regex("a(b+)c", RegexOptions.Compiled).IsMatch("xabbbcx"), "a compiled regular expression");
        // Long enough for the methods to be compiled anew, with what was learned of them.
        var until = Stopwatch.StartNew();
        var sum = 0L;
        while (until.ElapsedMilliseconds < 500)
            sum = Step(sum);
        GC.KeepAlive(sum);
    }

    static long Step(long value) => (value * 31) ^ value;

    static void UseFiles()
    {
        var directory = Directory.CreateTempSubdirectory("sandbox-probe-");
        var one = Path.Combine(directory.FullName, "one");
        var two = Path.Combine(directory.FullName, "two");
        File.WriteAllText(one, "text");
        File.Copy(one, two);
        File.SetLastWriteTimeUtc(two, DateTime.UnixEpoch);
        File.SetUnixFileMode(two, UnixFileMode.UserRead);
        File.CreateSymbolicLink(Path.Combine(directory.FullName, "link"), one);
        File.Move(two, Path.Combine(directory.FullName, "three"));
        using (var stream = new FileStream(one, FileMode.Open, FileAccess.ReadWrite, FileShare.None))
        {
            stream.Lock(0, 1);
            stream.SetLength(100);
            stream.Flush(flushToDisk: true);
        }
        Require(directory.EnumerateFileSystemInfos().Count() == 3, "a directory's files");
        directory.Delete(recursive: true);
    }

    static async Task UseSockets()
    {
        var path = Path.Combine(Path.GetTempPath(), $"sandbox-probe-{Environment.ProcessId}.sock");
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen();
        using var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { SendTimeout = 10_000 };
        var accepting = listener.AcceptAsync();
        await client.ConnectAsync(new UnixDomainSocketEndPoint(path));
        using var server = await accepting;
        _ = await client.SendAsync("hello"u8.ToArray());
        var buffer = new byte[10];
        Require(await server.ReceiveAsync(buffer) == 5, "a message");
        File.Delete(path);
    }

    /// <summary>As dotnet-counters, dotnet-stack and dotnet-dump do: asks the runtime over its own socket (docs/design-docs/ipc-protocol.md in dotnet/diagnostics).</summary>
    static async Task AskDiagnostics()
    {
        const int headerLength = 20;
        const byte dump = 1;
        const byte process = 4;
        // A process that was killed and had the same pid leaves its own behind.
        var path = Directory.GetFiles(Path.GetTempPath(), $"dotnet-diagnostic-{Environment.ProcessId}-*-socket").MaxBy(File.GetLastWriteTimeUtc)!;
        foreach (var (set, command, body) in ((byte, byte, byte[])[])[(process, 0, []), (dump, 1, DumpBody())])
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path));
            byte[] message = [.. "DOTNET_IPC_V1\0"u8, (byte)(headerLength + body.Length), 0, set, command, 0, 0, .. body];
            _ = await socket.SendAsync(message);
            var answer = new byte[4096];
            Require(await socket.ReceiveAsync(answer) > headerLength, "an answer of the diagnostics");
        }
    }

    static byte[] DumpBody()
    {
        // The file's name: a count of UTF-16 units with the NUL, then these; the kind of dump; no flags.
        var name = "/tmp/dump\0";
        return [(byte)name.Length, 0, 0, 0, .. System.Text.Encoding.Unicode.GetBytes(name), 1, 0, 0, 0, 0, 0, 0, 0];
    }

    static void AskAboutProcess()
    {
        using var self = Process.GetCurrentProcess();
        Require(self.Threads.Count > 0 && self.WorkingSet64 > 0 && self.TotalProcessorTime > TimeSpan.Zero, "figures of the process");
        _ = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes + Environment.ProcessorCount + Environment.TickCount64;
        _ = new DriveInfo("/").AvailableFreeSpace;
        _ = (TimeZoneInfo.Local.Id, Environment.UserName, Environment.CurrentDirectory, Environment.OSVersion, Guid.NewGuid(), Console.IsOutputRedirected);
        AppDomain.CurrentDomain.GetAssemblies();
    }

    static void Require(bool holds, string what)
    {
        if (!holds)
            throw new InvalidOperationException($"there should be {what}");
    }
}
