using Microsoft.Extensions.Logging;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Transport;

namespace VirtioFsStore.Core.VhostUser;

/// <summary>
/// The back-end channel as the way to the VMM's window: one request after the other, by a thread of its own. Neither the connection's
/// thread nor a queue's may wait for the answers: QEMU tells the one of each new mapping and waits for it (ADD_MEM_REG), and stops the others.
/// </summary>
sealed partial class WindowChannel : IWindowFrontend, IDisposable
{
    readonly FileDescriptor _socket;
    readonly WindowDialect _dialect;
    readonly TimeSpan _limit;
    readonly ILogger _logger;
    readonly Func<int> _regions;
    readonly int _stop = SystemCallException.ThrowIfError(EventFd.Create(), "eventfd");
    readonly Lock _lock = new();
    readonly Queue<WindowCommand> _waiting = [];
    readonly SemaphoreSlim _arrived = new(0);
    readonly Thread _thread;

    /// <summary>The files that are mapped, or about to be, by place: device and inode.</summary>
    readonly Dictionary<ulong, (ulong Device, ulong Inode)> _files = [];

    WindowCommand? _current;
    bool _held;
    bool _stopped;

    /// <summary>Takes <paramref name="socket"/> over.</summary>
    /// <param name="socket">The back-end channel.</param>
    /// <param name="size">Bytes of the window.</param>
    /// <param name="dialect">What the VMM understands.</param>
    /// <param name="limit">For each answer.</param>
    /// <param name="regions">How many regions of memory the VMM has announced.</param>
    /// <param name="logger">Told once that the VMM does not answer.</param>
    public WindowChannel(FileDescriptor socket, ulong size, WindowDialect dialect, TimeSpan limit, Func<int> regions, ILogger logger)
    {
        _regions = regions;
        _socket = socket;
        Size = size;
        _dialect = dialect;
        _limit = limit;
        _logger = logger;
        _thread = new Thread(Run) { IsBackground = true, Name = "window" };
        _thread.Start();
    }

    /// <inheritdoc/>
    public ulong Size { get; }

    /// <inheritdoc/>
    public int MaxMappings
    {
        get
        {
            if (_dialect == WindowDialect.SlaveFs)
                return int.MaxValue;
            int own;
            lock (_lock)
                own = _files.Count;
            // What this window has is announced, too.
            return Math.Clamp(DaxRange.MaxRegions - Math.Max(0, _regions() - own), 0, DaxRange.MaxMappings);
        }
    }

    /// <inheritdoc/>
    public async Task<Errno> MapAsync(int fd, ulong fileOffset, ulong windowOffset, ulong length, bool writable, CancellationToken cancellation)
    {
        // Who stops waiting may close its own.
        var own = Descriptors.Duplicate(fd);
        if (own < 0)
            return own.ToErrno();
        var command = new WindowCommand(own, fileOffset, windowOffset, length, writable);
        if (TryPut(command) is var error and not Errno.None)
        {
            command.Dispose();
            return error;
        }
        await using var registration = cancellation.UnsafeRegister(static state => ((WindowCommand)state!).TryAnswer(Errno.EINTR), command).ConfigureAwait(false);
        return await command.Answer.ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public WindowRemoval Unmap(ulong windowOffset, ulong length)
    {
        var command = new WindowCommand(-1, 0, windowOffset, length, false);
        if (TryPut(command) is var error and not Errno.None)
            _ = command.End(error);
        return new WindowRemoval(command.Answer, command.Done);
    }

    /// <summary>
    /// The VMM waits for this side now, and answers nothing here: who wants something mapped is told to try again (Linux does, in a page fault),
    /// and what is to be unmapped will be. Until <see cref="Release"/>.
    /// </summary>
    public void Hold()
    {
        lock (_lock)
        {
            _held = true;
            if (_current is { } current)
                AnswerHeld(current);
            foreach (var command in _waiting)
                AnswerHeld(command);
        }
    }

    public void Release()
    {
        lock (_lock)
            _held = false;
    }

    /// <summary>Whether a file was given to the VMM for its window, of which it may tell as of any other memory of the guest.</summary>
    public bool HasMapped(FileShape file)
    {
        lock (_lock)
            return _files.ContainsValue((file.Device, file.Inode));
    }

    /// <summary>Ends all that waits, with EIO, and refuses what comes.</summary>
    public void Stop()
    {
        lock (_lock)
        {
            if (_stopped)
                return;
            _stopped = true;
            _ = _current?.End(Errno.EIO);
            while (_waiting.TryDequeue(out var command))
            {
                _ = command.End(Errno.EIO);
                command.Dispose();
            }
        }
        _ = EventFd.Signal(_stop);
        _arrived.Release();
    }

    public void Dispose()
    {
        Stop();
        _thread.Join();
        _ = Descriptors.Close(_stop);
        _arrived.Dispose();
        _socket.Dispose();
    }

    static void AnswerHeld(WindowCommand command) => _ = command.TryAnswer(command.IsMap ? Errno.EAGAIN : Errno.None);

    Errno TryPut(WindowCommand command)
    {
        lock (_lock)
        {
            if (_stopped)
                return Errno.EIO;
            if (_held && command.IsMap)
                return Errno.EAGAIN;
            if (_held)
                AnswerHeld(command);
            _waiting.Enqueue(command);
            // Within the lock: the object goes once it is stopped.
            _arrived.Release();
            return Errno.None;
        }
    }

    void Run()
    {
        while (true)
        {
            _arrived.Wait();
            lock (_lock)
            {
                if (_stopped)
                    return;
                _current = _waiting.Dequeue();
            }
            using var command = _current;
            var wanted = !command.IsMap || !command.Answer.IsCompleted;
            if (wanted && !TryCarryOut(command))
            {
                Stop();
                return;
            }
            lock (_lock)
                _current = null;
        }
    }

    /// <summary>False: the VMM cannot be asked any more.</summary>
    bool TryCarryOut(WindowCommand command)
    {
        // Before it is asked: it tells of the memory on another channel, maybe before its answer is read here.
        if (command.IsMap)
            Note(command);
        var result = Exchange(command, out var reason);
        // A VMM that refuses to unmap says that it has no such mapping.
        if (result >= 0 && !(command.IsMap && result == 0))
            Forget(command);
        if (result < 0)
        {
            _ = command.End(Errno.EIO);
            if (reason is not null)
                Log.WindowLost(_logger, WindowMessages.NameOf(_dialect, command), reason);
            return false;
        }
        if (result > 0)
        {
            _ = command.End(Errno.EREMOTEIO);
            return true;
        }
        if (command.End(Errno.None) || !command.IsMap)
            return true;
        // It came too late for the one who asked, who was told that nothing is there.
        using var undo = command.Undo();
        return TryCarryOut(undo);
    }

    void Note(WindowCommand command)
    {
        if (FileShape.OfDescriptor(command.Descriptor, out var shape) < 0)
            return;
        lock (_lock)
            _files[command.WindowOffset] = (shape.Device, shape.Inode);
    }

    /// <inheritdoc/>
    public void Forget()
    {
        lock (_lock)
            _files.Clear();
    }

    void Forget(WindowCommand command)
    {
        lock (_lock)
            _files.Remove(command.WindowOffset);
    }
}
