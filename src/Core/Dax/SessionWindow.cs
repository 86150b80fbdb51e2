using Microsoft.Extensions.Logging;
using VirtioFsStore.Core.Mounts;
using VirtioFsStore.Core.Storage;
using VirtioFsStore.Core.Transport;

namespace VirtioFsStore.Core.Dax;

/// <summary>The window of a session: that of the connection that carries it, while that one lends it any.</summary>
/// <param name="logger">Told what the VMM refuses.</param>
sealed class SessionWindow(ILogger logger)
{
    readonly Lock _lock = new();
    DaxWindow? _current;
    WindowCounts _earlier;

    /// <summary>Null: there is none.</summary>
    public DaxWindow? Current => Volatile.Read(ref _current);

    /// <inheritdoc cref="DaxWindow.Shown"/>
    public NodeAttributeFlags Shown() => Current?.Shown() ?? NodeAttributeFlags.None;

    /// <summary>With what the windows of earlier connections had.</summary>
    public WindowCounts Counts
    {
        get
        {
            lock (_lock)
                return _current?.Counts.After(_earlier) ?? _earlier;
        }
    }

    /// <inheritdoc cref="DaxWindow(IWindowFrontend, ILogger, bool)"/>
    public void Attach(IWindowFrontend frontend, bool oneImmutable) => Exchange(new DaxWindow(frontend, logger, oneImmutable));

    public void Detach() => Exchange(null);

    /// <inheritdoc cref="DaxWindow.DropAll"/>
    public void DropAll(bool tell) => Current?.DropAll(tell);

    /// <inheritdoc cref="DaxWindow.DropAsync"/>
    public ValueTask DropAsync(Mount mount) => Current?.DropAsync(mount) ?? default;

    void Exchange(DaxWindow? next)
    {
        lock (_lock)
        {
            var before = _current;
            before?.Close();
            // What is mapped of it is nothing now.
            _earlier = before?.Counts.After(_earlier) ?? _earlier;
            Volatile.Write(ref _current, next);
        }
    }
}
