using System.CommandLine;
using Microsoft.Extensions.Logging;
using VirtioFsStore.Backends.Overlay.Store;
using VirtioFsStore.Daemon.Images;
using VirtioFsStore.Daemon.Keeping;
using VirtioFsStore.Daemon.Logging;
using VirtioFsStore.Daemon.Serving;

namespace VirtioFsStore.Daemon.Commands;

/// <summary><c>virtiofs-store cache …</c>: what a store has of the content of layers, while guests read or not.</summary>
static class CacheCommand
{
    static readonly Option<string> s_keep = new("--keep") { Description = "What the content of all layers may still take on the disk, e.g. 20G; 0 keeps only what guests have mapped.", HelpName = "SIZE", Required = true };

    public static Command Create()
    {
        var cache = new Command("cache", "Look after the content of layers in a store, also while guests are served from it: the store's keeper does the work, wherever that runs.")
        {
            Create("stat", "Show what is there of each layer: pieces, and what they take on the disk.", _ => new CacheWork(CacheWorkKind.Count)),
            Create("verify", "Read all that is there and compare it with the layers' digests. What is damaged is dropped, so that it is fetched again when it is read; exit code 1 if there was any.", _ => new CacheWork(CacheWorkKind.Verify)),
        };
        var collect = Create("gc", "Drop what was used longest ago until the rest takes no more than SIZE. What is dropped is fetched again when it is read; guests read on meanwhile.", parsed => new CacheWork(CacheWorkKind.Collect, ByteSize.Parse(s_keep.Name, parsed.GetValue(s_keep)!)));
        collect.Add(s_keep);
        cache.Add(collect);
        return cache;
    }

    static Command Create(string name, string description, Func<ParseResult, CacheWork> work)
    {
        var command = new Command(name, description);
        SourceOptions.AddStoreTo(command);
        command.SetAction((parsed, stop) => RunAsync(SourceOptions.ReadStore(parsed), work(parsed), Console.Out, stop));
        return command;
    }

    static async Task<int> RunAsync(string? path, CacheWork work, TextWriter output, CancellationToken cancellation)
    {
        if (Stores.OpenExisting(path) is not { } store)
        {
            // Where none was named, none has been needed yet.
            if (path is not null) throw new DirectoryNotFoundException($"there is no store at {path}");
            await output.WriteLineAsync($"there is no store at {Stores.PathOf(path)}").ConfigureAwait(false);
            return 0;
        }
        using var loggers = DaemonLogging.Create(LogLevel.Warning);
        var keeper = new StoreKeeper(store, loggers.CreateLogger("virtiofs-store"));
        await using (keeper.ConfigureAwait(false))
        {
            var report = new CacheReport(output);
            var result = await keeper.WorkAsync(work, report.Add, cancellation).ConfigureAwait(false);
            report.Complete(work, result);
            return report.Damaged > 0 || report.Problems > 0 ? ProgramCommand.Failed : 0;
        }
    }
}
