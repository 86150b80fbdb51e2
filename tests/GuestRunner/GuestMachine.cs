using System.Diagnostics;

namespace VirtioFsStore.GuestRunner;

/// <summary>A guest that runs in QEMU. Disposing it kills QEMU, if it still runs, and removes its files.</summary>
public sealed class GuestMachine : IAsyncDisposable
{
    readonly Process _qemu;
    readonly DirectoryInfo _directory;
    readonly GuestOutput _output;
    readonly CancellationTokenSource _limit;
    readonly Task<GuestResult> _ended;
    volatile bool _timedOut;

    GuestMachine(Process qemu, bool kvm, DirectoryInfo directory, GuestOptions options, Action<string>? onText)
    {
        _qemu = qemu;
        Accelerator = kvm ? Accelerator.Kvm : Accelerator.Tcg;
        _directory = directory;
        _output = new(onText);
        _limit = new(options.Timeout);
        _limit.Token.Register(() =>
        {
            _timedOut = true;
            Kill();
        });
        _ended = RunAsync(options.Shell);
    }

    /// <summary>QEMU's.</summary>
    public int ProcessId => _qemu.Id;

    /// <summary>What runs the guest: KVM or TCG.</summary>
    public Accelerator Accelerator { get; }

    /// <summary>What the script has written so far.</summary>
    public string Output => _output.Text;

    /// <summary>Boots a guest.</summary>
    /// <param name="options">What to boot.</param>
    /// <param name="parts">Where the kernel and QEMU lie; null for <see cref="RealParts.Default"/>.</param>
    /// <param name="onText">Called with each piece of output as it comes.</param>
    /// <exception cref="FileNotFoundException">A part is missing.</exception>
    public static async Task<GuestMachine> StartAsync(GuestOptions options, RealParts? parts = null, Action<string>? onText = null)
    {
        parts ??= RealParts.Default;
        var qemu = options.Qemu ?? parts.ChrootQemu;
        if (RealParts.Missing(qemu, parts.Kernel, parts.BusyBox, parts.OverlayModule) is { } missing)
        {
            throw new FileNotFoundException(missing);
        }

        var kvm = options.Accelerator switch
        {
            Accelerator.Kvm => true,
            Accelerator.Tcg => false,
            _ => await KvmProbe.WorksAsync(parts).ConfigureAwait(false),
        };
        var directory = Directory.CreateTempSubdirectory("guest-");
        try
        {
            if (options.Root.Kind != GuestRootKind.Direct)
            {
                using var initramfs = File.Create(Path.Combine(directory.FullName, QemuCommand.InitramfsName));
                GuestTree.For(options, parts).WriteCpio(initramfs);
            }

            var arguments = QemuCommand.Arguments(options, parts, directory.FullName, kvm, oldQemu: qemu == RealParts.HostQemu);
            var process = Process.Start(new ProcessStartInfo(qemu, arguments)
            {
                RedirectStandardInput = !options.Shell,
                RedirectStandardOutput = !options.Shell,
                RedirectStandardError = !options.Shell,
            })!;
            return new(process, kvm, directory, options, onText);
        }
        catch
        {
            directory.Delete(recursive: true);
            throw;
        }
    }

    /// <summary>Waits until the script has written <paramref name="marker"/>; the result is the time since QEMU's start.</summary>
    /// <exception cref="InvalidOperationException">The guest ended without writing it; the message says how.</exception>
    public Task<TimeSpan> WaitForOutputAsync(string marker) => _output.WaitForAsync(marker);

    /// <summary>Sends a line to the script's standard input.</summary>
    public async Task SendLineAsync(string line)
    {
        await _qemu.StandardInput.WriteLineAsync(line).ConfigureAwait(false);
        await _qemu.StandardInput.FlushAsync().ConfigureAwait(false);
    }

    /// <summary>Kills QEMU at once (SIGKILL), as a VMM that crashes.</summary>
    public void Kill()
    {
        try
        {
            _qemu.Kill();
        }
        catch (InvalidOperationException)
        {
            // It has ended by itself.
        }
    }

    /// <summary>Waits until QEMU has ended.</summary>
    public Task<GuestResult> WaitForExitAsync() => _ended;

    public async ValueTask DisposeAsync()
    {
        Kill();
        await _ended.ConfigureAwait(false);
        _limit.Dispose();
        _qemu.Dispose();
        _directory.Delete(recursive: true);
    }

    async Task<GuestResult> RunAsync(bool shell)
    {
        var messages = "";
        if (!shell)
        {
            var reading = _qemu.StandardError.ReadToEndAsync();
            await _output.ReadAsync(_qemu.StandardOutput.BaseStream).ConfigureAwait(false);
            messages = await reading.ConfigureAwait(false);
        }

        await _qemu.WaitForExitAsync().ConfigureAwait(false);
        var status = int.TryParse(ReadFile(QemuCommand.StatusName), out var number) ? number : (int?)null;
        var result = new GuestResult(status, _timedOut, Output, ReadFile(QemuCommand.ConsoleName), messages, _output.Elapsed);
        _output.End(result.Describe());
        return result;
    }

    string ReadFile(string name)
    {
        var path = Path.Combine(_directory.FullName, name);
        return File.Exists(path) ? File.ReadAllText(path) : "";
    }
}
