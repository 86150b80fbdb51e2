using System.Globalization;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.GuestRunner;

namespace VirtioFsStore.Package.Tests;

/// <summary>
/// Debian 12 with what the package depends on and nothing else, of which each has a copy of its own: an overlay in a mount namespace that a process holds, so that all is
/// gone with that process. <see cref="Shared"/> is seen inside as /mnt.
/// </summary>
sealed class CleanRoot : IDisposable
{
    const string Inside = "/mnt";

    readonly TemporaryDirectory _directory = new();
    readonly ChildProcess _holder;

    public CleanRoot()
    {
        foreach (var name in (string[])["shared", "scratch"])
            Directory.CreateDirectory(_directory[name]);
        _holder = ChildProcess.Start(
            "unshare",
            ["--mount", "--", "sh", "-euc", """
                mount -t tmpfs scratch "$2/scratch"
                cd "$2/scratch"
                mkdir upper work root
                mount -t overlay root -o "lowerdir=$1,upperdir=upper,workdir=work" root
                mount --bind "$2/shared" root/mnt
                mount -t proc proc root/proc
                mount --rbind /dev root/dev
                echo mounted >&2
                exec sleep infinity
                """, "sh", RealParts.Default.CleanRoot, _directory.Path],
            readyText: "mounted");
    }

    public string Shared => _directory["shared"];

    string Root => Path.Combine(_directory["scratch"], "root");

    /// <summary>Puts a file where those inside find it, and says where that is.</summary>
    public string Share(string file)
    {
        File.Copy(file, Path.Combine(Shared, Path.GetFileName(file)));
        return Path.Combine(Inside, Path.GetFileName(file));
    }

    /// <summary>Runs a command inside.</summary>
    public string Run(string program, params ReadOnlySpan<string> arguments) => Command.Run("nsenter", Enter([Root, program, .. arguments]));

    /// <summary>Starts a daemon inside, and returns when it is ready.</summary>
    public ChildProcess Start(string program, params ReadOnlySpan<string> arguments) => ChildProcess.Start("nsenter", Enter([Root, program, .. arguments]));

    /// <summary>Runs a command of this machine that sees the root's files.</summary>
    public string RunOutside(string program, Func<string, string[]> arguments) =>
        Command.Run("nsenter", [MountsOfHolder, "--", program, .. arguments(Root)]);

    /// <summary>The paths, other than directories, that are not as they were at the beginning.</summary>
    public string[] Changed() => RunOutside("find", _ => [Path.Combine(_directory["scratch"], "upper"), "!", "-type", "d", "-printf", "/%P\\n"])
        .Split('\n', StringSplitOptions.RemoveEmptyEntries);

    public void Dispose()
    {
        _holder.Dispose();
        _directory.Dispose();
    }

    string MountsOfHolder => string.Create(CultureInfo.InvariantCulture, $"--mount=/proc/{_holder.Id}/ns/mnt");

    string[] Enter(ReadOnlySpan<string> inside) => [MountsOfHolder, "--", "chroot", .. inside];
}
