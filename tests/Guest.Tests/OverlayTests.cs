using System.Diagnostics;

namespace VirtioFsStore.Guest.Tests;

/// <summary>A served directory as overlayfs's upper and work directory, in a guest.</summary>
public sealed class OverlayTests(OverlayBoot boot) : GuestBootTests<OverlayBoot>(boot)
{
    [GuestFact]
    public void The_host_has_the_package_that_the_guest_installed()
    {
        Boot.AssertPassed("a_package_installs");

        Assert.True(File.Exists(Upper("usr/bin/hello")));
        Assert.Contains("Package: hello\nStatus: install ok installed\n", File.ReadAllText(Upper("var/lib/dpkg/status")), StringComparison.Ordinal);
        Assert.False(Path.Exists(Upper("usr/bin/dpkg")), "Only what changed lies above.");
    }

    [GuestFact]
    public void The_host_has_overlayfs_s_whiteouts_and_marks()
    {
        Boot.AssertPassed("a_package_of_the_image_is_removed");
        Boot.AssertPassed("a_directory_that_is_made_again_is_empty");

        Assert.Equal("character special file 0 0\n", Output("stat", "-c", "%F %t %T", Upper("usr/sbin/nginx")));
        Assert.Equal("y", Output("getfattr", "--only-values", "-n", "trusted.overlay.opaque", Upper("var/www")));
    }

    string Upper(string path) => Path.Combine(Boot.Directory.Share, "c/snapshotdir/fs", path);

    static string Output(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return output;
    }
}
