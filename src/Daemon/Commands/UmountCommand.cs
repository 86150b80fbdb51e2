using System.CommandLine;
using VirtioFsStore.Daemon.HostMounts;

namespace VirtioFsStore.Daemon.Commands;

/// <summary><c>virtiofs-store umount</c>: the end of a mount, also of one whose server is dead.</summary>
static class UmountCommand
{
    static readonly Argument<string> s_mountPoint = new("MOUNTPOINT") { Description = "Where virtiofs-store has mounted something." };
    static readonly Option<bool> s_lazy = new("--lazy", "-l") { Description = "Take the mount out of the tree now, also where it is in use; it ends with its last user." };

    public static Command Create()
    {
        var command = new Command("umount", "Unmount MOUNTPOINT, and return when its server has ended. Says so if the server had ended before, which then was killed or has crashed.");
        command.Add(s_mountPoint);
        command.Add(s_lazy);
        command.SetAction(parsed => HostUnmount.Run(parsed.GetValue(s_mountPoint)!, parsed.GetValue(s_lazy), Console.Error));
        return command;
    }
}
