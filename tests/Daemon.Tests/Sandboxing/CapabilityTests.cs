using System.Globalization;
using VirtioFsStore.Daemon.Commands;
using VirtioFsStore.Daemon.Sandboxing;
using Xunit;

namespace VirtioFsStore.Daemon.Tests.Sandboxing;

/// <summary>Which capabilities the server keeps.</summary>
public sealed class CapabilityTests
{
    // CHOWN, DAC_OVERRIDE, FOWNER, FSETID, SETGID, SETUID, MKNOD, SETFCAP.
    const ulong Usual = 0x880000DB;
    const ulong DacReadSearch = 1 << 2;
    const ulong SysAdmin = 1 << 21;
    const ulong Mknod = 1 << 27;

    static readonly string[] s_sets = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"];

    [Fact]
    public void The_list_is_the_usual_one_and_what_the_options_need()
    {
        Assert.Equal(Usual, ServerCapabilities.Plan(new(), fileHandles: false, trustedXattrs: false));
        Assert.Equal(Usual | DacReadSearch, ServerCapabilities.Plan(new(), fileHandles: true, trustedXattrs: false));
        Assert.Equal(Usual | SysAdmin, ServerCapabilities.Plan(new(), fileHandles: false, trustedXattrs: true));
    }

    [Fact]
    public void The_caller_adds_and_drops()
    {
        var settings = new SandboxSettings { AddedCapabilities = ["SYS_ADMIN"], DroppedCapabilities = ["MKNOD"] };

        Assert.Equal((Usual | SysAdmin) & ~Mknod, ServerCapabilities.Plan(settings, fileHandles: false, trustedXattrs: false));
    }

    [Theory]
    [InlineData("-mknod", "", "MKNOD")]
    [InlineData("+sys_admin:-CAP_MKNOD", "SYS_ADMIN", "MKNOD")]
    [InlineData("+cap_Sys_Admin:+net_raw", "SYS_ADMIN NET_RAW", "")]
    [InlineData("+mknod:-mknod", "", "MKNOD")]
    [InlineData("-mknod:+mknod", "MKNOD", "")]
    public void Modcaps_are_names_with_signs(string text, string added, string dropped)
    {
        var changes = ModCaps.Parse(text);

        Assert.Equal(added, string.Join(' ', changes.Added));
        Assert.Equal(dropped, string.Join(' ', changes.Dropped));
    }

    [Theory]
    [InlineData("")]
    [InlineData("mknod")]
    [InlineData("+")]
    [InlineData("+mknod:")]
    [InlineData("+mknod,-chown")]
    public void Modcaps_that_are_no_such_list_are_refused(string text) =>
        Assert.Contains("--modcaps", Assert.Throws<UsageException>(() => ModCaps.Parse(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void An_unknown_capability_is_refused_with_those_that_there_are()
    {
        var message = Assert.Throws<UsageException>(() => ModCaps.Parse("+fly")).Message;

        Assert.Contains("'fly'", message, StringComparison.Ordinal);
        Assert.Contains("sys_admin", message, StringComparison.Ordinal);
    }

    [RootTheory]
    [InlineData("-kill", Usual)]
    [InlineData("+sys_admin:-mknod", (Usual | SysAdmin) & ~Mknod)]
    public void A_thread_and_the_program_that_it_starts_hold_these_and_no_other(string modcaps, ulong planned)
    {
        var expected = planned & Read(File.ReadLines("/proc/self/status"), "CapPrm");

        var (code, output, error) = Probe.Run("none", "capabilities", modcaps);

        Assert.True(code == 0, error);
        var lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2 * s_sets.Length, lines.Length);
        ulong[] wanted = [0, expected, expected, expected, 0];
        Assert.Equal(wanted, s_sets.Select(name => Read(lines[..s_sets.Length], name)));
        Assert.Equal(wanted, s_sets.Select(name => Read(lines[s_sets.Length..], name)));
    }

    static ulong Read(IEnumerable<string> status, string name) => ulong.Parse(
        status.Single(line => line.StartsWith(name, StringComparison.Ordinal)).AsSpan(name.Length + 1).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
