using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using VirtioFsStore.Daemon.Sandboxing;
using VirtioFsStore.SandboxProbe;

// virtiofs-sandbox-probe ACTION call NAME [ARGUMENT...]   one system call; prints its result. Arguments: numbers, self, parent
//                        ACTION catch NAME [ARGUMENT...]  the same; prints SIGSYS if that came instead
//                        ACTION threads                   counts threads, and those under the filter
//                        ACTION runtime                   makes the runtime do all that it does late
//                        ACTION throw                     ends by an exception
//                        ACTION cost                      nanoseconds for some system calls, and for the filter
//                        none late-signals                meets the signals that stop it after its work is done
//                        none capabilities [MODCAPS]      what a thread holds that keeps the server's, and a program that it starts
var action = Enum.Parse<SeccompAction>(args[0], ignoreCase: true);
switch (args[1])
{
    case "call":
        SeccompFilter.Install(action);
        Console.WriteLine(RawCall.Make(args[2], args.AsSpan(3)));
        break;
    case "catch":
        ForbiddenCalls.Catch(action, args[2], args.AsSpan(3));
        break;
    case "threads":
        ThreadCensus.Take(action);
        break;
    case "runtime":
        SeccompFilter.Install(action);
        RuntimeExercise.Run();
        Console.WriteLine("done");
        break;
    case "throw":
        SeccompFilter.Install(action);
        throw new InvalidOperationException("thrown under the filter");
    case "cost":
        CallCost.Print("without");
        var start = Stopwatch.GetTimestamp();
        SeccompFilter.Install(action);
        Console.WriteLine($"installing: {Stopwatch.GetElapsedTime(start).TotalMilliseconds:0.0} ms, {SeccompFilter.Build(RuntimeInformation.ProcessArchitecture, 1, 0).Length} instructions");
        CallCost.Print(args[0].ToLower(CultureInfo.InvariantCulture));
        break;
    case "late-signals":
        LateSignals.Meet();
        break;
    case "capabilities":
        HeldCapabilities.Print(args.Length > 2 ? ModCaps.Parse(args[2]) : ModCaps.Unchanged);
        break;
    default:
        throw new ArgumentException($"unknown: {args[1]}");
}
