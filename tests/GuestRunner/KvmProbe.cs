using System.Diagnostics;

namespace VirtioFsStore.GuestRunner;

/// <summary>
/// Whether a guest boots under KVM, found by booting one: on some hosts the device node is there, and the guest hangs. The
/// answer is kept until the next boot of this machine.
/// </summary>
static class KvmProbe
{
    // A guest under KVM greets within a few hundred milliseconds.
    static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    public static async Task<bool> WorksAsync(RealParts parts)
    {
        if (!File.Exists("/dev/kvm"))
        {
            return false;
        }

        var record = Path.Combine(parts.Cache, "kvm-works");
        var boot = (await File.ReadAllTextAsync("/proc/sys/kernel/random/boot_id").ConfigureAwait(false)).Trim();
        if (File.Exists(record) && await File.ReadAllTextAsync(record).ConfigureAwait(false) is var kept && kept.StartsWith(boot, StringComparison.Ordinal))
        {
            return kept.EndsWith(" yes", StringComparison.Ordinal);
        }

        var works = await BootsAsync(parts).ConfigureAwait(false);
        var aside = $"{record}.{Environment.ProcessId}";
        await File.WriteAllTextAsync(aside, $"{boot} {(works ? "yes" : "no")}").ConfigureAwait(false);
        File.Move(aside, record, overwrite: true);
        return works;
    }

    static async Task<bool> BootsAsync(RealParts parts)
    {
        var console = Path.GetTempFileName();
        using var qemu = Process.Start(new ProcessStartInfo(parts.ChrootQemu, QemuCommand.Probe(parts, console)) { RedirectStandardError = true })!;
        try
        {
            // The kernel finds no root and panics, which ends QEMU: then it has run.
            using var limit = new CancellationTokenSource(Limit);
            await qemu.WaitForExitAsync(limit.Token).ConfigureAwait(false);
            return (await File.ReadAllTextAsync(console).ConfigureAwait(false)).Contains("Kernel panic", StringComparison.Ordinal);
        }
        catch (OperationCanceledException)
        {
            qemu.Kill();
            return false;
        }
        finally
        {
            File.Delete(console);
        }
    }
}
