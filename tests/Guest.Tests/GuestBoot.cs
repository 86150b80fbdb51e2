using VirtioFsStore.GuestRunner;

namespace VirtioFsStore.Guest.Tests;

/// <summary>Boots a guest once for all tests of a class, runs the checks of a file in it, and lets its daemons end.</summary>
public abstract class GuestBoot : IAsyncLifetime
{
    static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    readonly List<DaemonProcess> _daemons = [];
    readonly List<int> _exitCodes = [];
    CheckResults? _results;
    GuestResult? _guest;
    string? _failure;
    TestDirectory? _directory;

    internal TestDirectory Directory => _directory ??= new();

    /// <summary>What runs in the guest.</summary>
    internal abstract GuestChecks Checks { get; }

    /// <summary>The exit codes of the daemons, which ended after the guest's orderly stop.</summary>
    internal IReadOnlyList<int> DaemonExitCodes => _failure is null ? _exitCodes : throw new InvalidOperationException(_failure);

    /// <summary>All that the guest wrote.</summary>
    private protected string Output => _guest!.Output;

    /// <summary>What the daemon of <see cref="ServeAsync"/>'s tag has said.</summary>
    internal string LogOf(string tag) => _daemons.Single(daemon => Path.GetFileName(Path.GetDirectoryName(daemon.Socket)) == $"daemon-{tag}").Log;

    internal IEnumerable<string> Sockets => _daemons.Select(daemon => daemon.Socket);

    public async Task InitializeAsync()
    {
        if (Requirements.SkipReason is not null)
        {
            return;
        }

        try
        {
            var options = await PrepareAsync();
            await using var machine = await GuestMachine.StartAsync(options with { Script = Checks.Script, Timeout = Limit });
            await AssistAsync(machine);
            _guest = await machine.WaitForExitAsync();
            _results = new(_guest.Output);
            foreach (var daemon in _daemons)
            {
                _exitCodes.Add(await daemon.WaitForExitAsync());
            }
        }
        catch (Exception error) when (error is InvalidOperationException or IOException or TimeoutException)
        {
            // Of a failed boot each test says why.
            _failure = $"{error.Message}\n{DaemonLogs()}";
        }
    }

    public async Task DisposeAsync()
    {
        foreach (var daemon in _daemons)
        {
            await daemon.DisposeAsync();
        }

        _directory?.Dispose();
    }

    /// <summary>Starts the daemons and says what to boot.</summary>
    private protected abstract Task<GuestOptions> PrepareAsync();

    /// <summary>Does the host's part while the checks run.</summary>
    private protected virtual Task AssistAsync(GuestMachine machine) => Task.CompletedTask;

    private protected async Task<FileSystemDevice> ServeAsync(string tag, string source, int requestQueues, params string[] options)
    {
        var daemon = await DaemonProcess.StartAsync(Directory.Create($"daemon-{tag}"), source, options);
        _daemons.Add(daemon);
        return new(tag, daemon.Socket, DaemonProcess.IsPeer(source) ? 1 : requestQueues);
    }

    /// <summary>As <see cref="ServeAsync"/>, by a daemon that other programs start: those of <paramref name="before"/>, with its command line behind them.</summary>
    private protected async Task<FileSystemDevice> ServeInAsync(string[] before, string tag, string source, params string[] options)
    {
        var daemon = await DaemonProcess.StartInAsync(before, Directory.Create($"daemon-{tag}"), source, options);
        _daemons.Add(daemon);
        return new(tag, daemon.Socket);
    }

    /// <summary>One device whose root is empty until something is mounted over the API.</summary>
    private protected async Task<(FileSystemDevice Device, NydusApi Api)> ServeNydusAsync(string tag, params string[] options)
    {
        var directory = Directory.Create($"daemon-{tag}");
        var apiSocket = Path.Combine(directory, "api.sock");
        var daemon = await DaemonProcess.StartNydusAsync(directory, apiSocket, options);
        _daemons.Add(daemon);
        return (new(tag, daemon.Socket), new NydusApi(apiSocket));
    }

    internal void AssertPassed(string check)
    {
        var failure = _failure ?? _results!.FailureOf(check, $"{_guest!.Describe()}\n{DaemonLogs()}");
        Assert.True(failure is null, failure);
    }

    /// <summary>The guest powered itself off, and each daemon ended well and removed its socket.</summary>
    internal void AssertOrderlyStop()
    {
        Assert.All(DaemonExitCodes, code => Assert.Equal(0, code));
        Assert.Equal(0, _guest!.Status);
        Assert.All(Sockets, socket => Assert.False(File.Exists(socket), socket));
    }

    string DaemonLogs() => string.Join('\n', _daemons.Select(daemon => $"[daemon on {daemon.Socket}]\n{daemon.Log}"));
}
