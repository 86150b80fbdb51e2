using System.Runtime.InteropServices;
using VirtioFsStore.Driver.Hosting;

namespace VirtioFsStore.Daemon.Tests;

/// <summary>
/// Runs a shell script in mount and process namespaces of its own: what it mounts over the machine's files is seen by it alone, and what
/// it leaves running ends with it. In it, $vfs is the program, and $user runs a command as an ordinary user who may open /dev/fuse, and
/// whose home is $home.
/// </summary>
static class PrivateMounts
{
    // The checkout and the runtime may lie where an ordinary user cannot get to.
    const string Prelude = """
        set -eu
        work=$1 vfs=$work/program/virtiofs-store home=$work/home
        export DOTNET_ROOT=$work/runtime
        mkdir -p "$work/program" "$work/runtime" "$work/dev" "$home"
        chmod 755 "$work"; chown 65534:65534 "$home"
        mount --bind "$2" "$work/program"
        mount --bind "$3" "$work/runtime"
        mount -t tmpfs -o mode=755 tmpfs "$work/dev"
        mknod -m 666 "$work/dev/fuse" c 10 229
        mount --bind "$work/dev/fuse" /dev/fuse
        user="setpriv --reuid 65534 --regid 65534 --clear-groups env -u XDG_RUNTIME_DIR -u XDG_STATE_HOME -u XDG_CACHE_HOME HOME=$home"

        """;

    /// <param name="work">An empty directory of the test's.</param>
    /// <param name="script">For sh.</param>
    public static (int ExitCode, string Output, string Error) Run(string work, string script)
    {
        // …/shared/Microsoft.NETCore.App/VERSION/
        var runtime = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "../../.."));
        using var shell = ChildProcess.Launch(
            "unshare", ["--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "--", "sh", "-c", Prelude + script, "sh", work, AppContext.BaseDirectory, runtime]);
        if (!shell.WaitForExit(TimeSpan.FromMinutes(2)))
            throw new TimeoutException($"The script does not end. It wrote: {shell.OutputText}{shell.ErrorText}");
        return (shell.ExitCode, shell.OutputText, shell.ErrorText);
    }
}
