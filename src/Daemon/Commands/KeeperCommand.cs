using System.CommandLine;
using Microsoft.Extensions.Logging;
using VirtioFsStore.Daemon.Images;
using VirtioFsStore.Daemon.Keeping;

namespace VirtioFsStore.Daemon.Commands;

/// <summary><c>virtiofs-store keeper</c>: the keeper of a store as a service of its own.</summary>
static class KeeperCommand
{
    static readonly Option<string?> s_store = new("--store") { Description = "The store. Default: /var/lib/virtiofs-store for root, else virtiofs-store in $XDG_CACHE_HOME or ~/.cache.", HelpName = "DIR" };

    public static Command Create()
    {
        var command = new Command(
            "keeper",
            "Be the keeper of a store: the one process that reads images for it and writes to it. Every server that finds one running leaves that work to it; without one, the first server does it for the others. For hosts with many VMs, as a service that starts on demand: it takes its listening socket from systemd where that gave one (ListenSequentialPacket=DIR/keeper.sock), else it makes DIR/keeper.sock. Where a server is the keeper already, it lets go for a service with systemd's socket; without that, the service waits until the server ends. Ends at SIGTERM or SIGINT.");
        command.Add(s_store);
        SessionLimits.AddLogLevelTo(command);
        command.SetAction(parsed => KeeperService.Run(Stores.PathOf(parsed.GetValue(s_store)), SessionLimits.LogLevel(parsed)));
        return command;
    }
}
