using System.Text;

namespace VirtioFsStore.GuestRunner;

/// <summary>The guest's /init, for busybox's shell: makes the root, runs the script, reports its status, powers off.</summary>
static class GuestInit
{
    /// <summary>The virtio-serial port that carries the script's output and input.</summary>
    public const string OutputPort = "output";

    /// <summary>The virtio-serial port that carries the script's exit status.</summary>
    public const string StatusPort = "status";

    const string Terminal = "/dev/ttyS0";

    const string Start = """
        #!/bin/busybox sh
        export PATH=/usr/bin:/usr/sbin:/bin:/sbin HOME=/root TERM=linux
        b=/bin/busybox
        $b mount -t devtmpfs dev /dev 2>/dev/null
        $b mount -t proc proc /proc; $b mount -t sysfs sys /sys; $b mount -t tmpfs tmp /tmp
        $b --install -s /bin 2>/dev/null
        for port in /sys/class/virtio-ports/*; do
            read -r name < $port/name
            eval "$name=/dev/${port##*/}"
        done
        finish() { echo "$1" > $status; sync; poweroff -f; }

        """;

    // The initramfs stays reachable for this process below the new root, as in switch_root but with nothing deleted:
    // so that busybox can report and power off whatever the image holds.
    const string MakeOverlayRoot = """
        insmod /overlay.ko && mkdir /lower /upper /newroot && mount -t tmpfs upper /upper && mkdir /upper/data /upper/work &&
            mount -t virtiofs TAG /lower -o roDAX &&
            mount -t overlay overlay /newroot -o lowerdir=/lower,upperdir=/upper/data,workdir=/upper/work || finish 125
        for d in dev proc sys tmp root; do mkdir -p /newroot/$d; done
        for d in dev proc sys; do mount -o bind /$d /newroot/$d; done
        mkdir -p /newroot/dev/shm; mount -t tmpfs shm /newroot/dev/shm

        """;

    /// <summary>The text for <paramref name="options"/>.</summary>
    public static string For(GuestOptions options)
    {
        var text = new StringBuilder(Start);
        foreach (var module in options.Modules)
        {
            text.Append($"insmod {Quote("/" + Path.GetFileName(module))} || finish 125\n");
        }

        var overlay = options.Root.Kind == GuestRootKind.Overlay;
        var dax = options.Dax is null ? "" : $"dax={options.Dax}";
        if (overlay)
        {
            text.Append(MakeOverlayRoot
                .Replace("TAG", Quote(options.Root.Tag!), StringComparison.Ordinal).Replace("DAX", dax.Length == 0 ? "" : "," + dax, StringComparison.Ordinal));
        }

        foreach (var (tag, directory) in options.Mounts)
        {
            var target = Quote((overlay ? "/newroot" : "") + directory);
            text.Append($"mkdir -p {target} && mount -t virtiofs {Quote(tag)} {target}{(dax.Length == 0 ? "" : " -o " + dax)} || finish 125\n");
        }

        if (options.Shell)
        {
            text.Append($"stty -F {Terminal} {TerminalSize()}\n");
        }

        // Moving the new root to / hides the initramfs for the subshell alone: this shell's root is the mount below.
        var leader = options.Shell ? "setsid -c " : "";
        var enter = overlay ? $"cd /newroot && mount -o move . / && exec {leader}chroot ." : $"exec {leader}";
        text.Append($"""
            exec 3<> {(options.Shell ? Terminal : "$" + OutputPort)}
            script=$(cat /script)
            ({enter} /bin/sh -c "$script" <&3 >&3 2>&3 3>&-)
            finish $?

            """);
        return text.ToString();
    }

    static string TerminalSize() =>
        Console.IsOutputRedirected || Console.WindowHeight <= 0
            ? "sane"
            : $"sane rows {Console.WindowHeight} cols {Console.WindowWidth}";

    static string Quote(string word) => "'" + word.Replace("'", "'\\''", StringComparison.Ordinal) + "'";
}
