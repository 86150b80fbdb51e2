using System.Diagnostics;
using Microsoft.Extensions.Logging;
using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Store;
using VirtioFsStore.Daemon.Channels;

namespace VirtioFsStore.Daemon.Keeping;

/// <summary>
/// The keeper of a store, whoever that is: the process that answers on the store's socket, or, if none does, this one. When the keeper
/// dies, one of the processes that saw it takes its place.
/// </summary>
sealed class StoreKeeper : IKeeper
{
    /// <summary>Keepers that may end over one request.</summary>
    const int MaxLost = 3;

    static readonly TimeSpan s_between = TimeSpan.FromMilliseconds(20);
    static readonly TimeSpan s_later = TimeSpan.FromMilliseconds(500);
    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    readonly KeeperAddress _address;
    readonly ILogger _logger;
    LocalKeeper _local;
    readonly RemoteKeeper _remote;
    readonly SemaphoreSlim _electing = new(1);
    readonly CancellationTokenSource _stop = new();
    StoreLock? _office;
    KeeperServer? _server;
    FileSystemWatcher? _observer;
    MessageSocket? _watched;
    bool _isLossTold;

    public StoreKeeper(StoreDirectory store, ILogger logger)
    {
        _address = new KeeperAddress(store);
        _logger = logger;
        _local = new LocalKeeper(store, logger: logger);
        _remote = new RemoteKeeper(_address);
    }

    public async ValueTask<IKeptImage> OpenImageAsync(ImageRequest request, IProgress<LayerProgress>? progress, CancellationToken cancellation)
    {
        var image = await OpenAsync(request, progress, s_patience, cancellation).ConfigureAwait(false);
        try
        {
            return new StoreImage(this, request, image, _logger);
        }
        catch
        {
            image.Files.Dispose();
            await image.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>The same image from the keeper that is in office now; one that is about to end may take as long as whoever asks waits.</summary>
    /// <exception cref="ImageException">It cannot be opened again.</exception>
    internal Task<IKeptImage> OpenAgainAsync(ImageRequest request, CancellationToken cancellation) => OpenAsync(request, null, TimeSpan.MaxValue, cancellation);

    Task<IKeptImage> OpenAsync(ImageRequest request, IProgress<LayerProgress>? progress, TimeSpan patience, CancellationToken cancellation) =>
        AskAsync(keeper => keeper.OpenImageAsync(request, progress, cancellation), static () => true, patience, cancellation);

    public async ValueTask<CollectResult> WorkAsync(CacheWork work, Action<LayerReport> report, CancellationToken cancellation)
    {
        var hasReported = false;
        return await AskAsync(
            keeper => keeper.WorkAsync(work, Note, cancellation),
            // What was told is not told again.
            () => !hasReported, s_patience, cancellation).ConfigureAwait(false);

        void Note(LayerReport layer)
        {
            hasReported = true;
            report(layer);
        }
    }

    /// <summary>Asks the keeper that is in office, and where it ends before it answers, the next.</summary>
    async Task<T> AskAsync<T>(Func<IKeeper, ValueTask<T>> ask, Func<bool> mayAskAgain, TimeSpan patience, CancellationToken cancellation)
    {
        for (var lost = 1; ; lost++)
        {
            var keeper = await FindAsync(patience, cancellation).ConfigureAwait(false);
            var watched = _watched;
            try
            {
                var answer = await ask(keeper).ConfigureAwait(false);
                if (keeper == _remote)
                    Volatile.Write(ref _isLossTold, false);
                return answer;
            }
            // An image that its keeper dies of is not to take all keepers with it.
            catch (KeeperLostException) when (lost < MaxLost && !_stop.IsCancellationRequested && mayAskAgain())
            {
                // Whoever watches it tells, and may see it later than this: the dead one is not to be asked again until then.
                _ = Interlocked.CompareExchange(ref _watched, null, watched);
            }
        }
    }

    /// <summary>The keeper that is in office; this process, if there was none.</summary>
    /// <param name="patience">How long one that is in office may take to answer.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="ImageException">One is in office and does not answer.</exception>
    async ValueTask<IKeeper> FindAsync(TimeSpan patience, CancellationToken cancellation)
    {
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(cancellation, _stop.Token);
        await _electing.WaitAsync(ends.Token).ConfigureAwait(false);
        try
        {
            var start = Stopwatch.GetTimestamp();
            while (true)
            {
                if (_office is not null)
                    return _local;
                if (_watched is not null || TryWatch())
                    return _remote;
                if (TryServe())
                    return _local;
                // Whoever has just taken office is about to listen.
                if (Stopwatch.GetElapsedTime(start) > patience)
                    throw new ImageException($"the keeper of the store {_address.Store.Root} does not answer on {_address.SocketPath}; a process holds the store's lock: end it, or name another store with --store");
                await Task.Delay(s_between, ends.Token).ConfigureAwait(false);
            }
        }
        finally
        {
            _electing.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        // Whoever is about to take office is through with it first.
        await _electing.WaitAsync().ConfigureAwait(false);
        _watched?.Shutdown();
        _observer?.Dispose();
        _server?.Dispose();
        // Whoever takes office next must find nobody who still writes.
        await _local.DisposeAsync().ConfigureAwait(false);
        _office?.Dispose();
    }

    bool TryServe()
    {
        var office = _address.TryTakeOffice();
        if (office is null)
            return false;
        try
        {
            // A service may have begun to listen since nobody answered: its socket is not to be removed.
            using (var other = _address.TryConnect())
            {
                if (other is not null)
                {
                    office.Dispose();
                    return false;
                }
            }
            _server = new KeeperServer(_local, _address.Listen(), _logger);
            _observer = _address.Observe(ResignIfReplaced);
        }
        catch
        {
            _server?.Dispose();
            office.Dispose();
            throw;
        }
        _office = office;
        Log.Keeper(_logger, _address.Store.Root);
        // It may have happened before it was observed.
        _ = Task.Run(ResignIfReplaced);
        return true;
    }

    /// <summary>A socket of another process in this one's place is a service that wants to be the keeper: this one lets go, and asks it from now on.</summary>
    void ResignIfReplaced()
    {
        try
        {
            _electing.Wait(_stop.Token);
        }
        catch (OperationCanceledException)
        {
            return;
        }
        try
        {
            if (_office is null || _stop.IsCancellationRequested || !IsTaken())
                return;
            Log.KeeperResigns(_logger, _address.Store.Root);
            _observer?.Dispose();
            _server?.Dispose();
            // From here on it writes nothing; images that are open here are opened again by the one that comes.
            _local.DisposeAsync().AsTask().GetAwaiter().GetResult();
            _local = new LocalKeeper(_address.Store, logger: _logger);
            _office.Dispose();
            _office = null;
        }
        finally
        {
            _electing.Release();
        }
        StandForOffice();
    }

    bool TryWatch()
    {
        var connection = _address.TryConnect();
        if (connection is null)
            return false;
        try
        {
            connection.Send((uint)KeeperMessage.Watch, 0);
        }
        catch (IOException)
        {
            connection.Dispose();
            return false;
        }
        _watched = connection;
        new Thread(() => Watch(connection), 256 * 1024) { IsBackground = true, Name = "keeper watch" }.Start();
        return true;
    }

    /// <summary>The keeper's end leaves the store without one: whoever sees it stands for the office at once.</summary>
    void Watch(MessageSocket connection)
    {
        try
        {
            while (connection.Receive() is { } message)
                message.Dispose();
        }
        catch (IOException)
        {
            // As good as its end.
        }
        _ = Interlocked.CompareExchange(ref _watched, null, connection);
        connection.Dispose();
        if (_stop.IsCancellationRequested)
            return;
        // One that dies may take a last connection.
        if (!Interlocked.Exchange(ref _isLossTold, true))
            Log.KeeperLost(_logger, _address.Store.Root);
        StandForOffice();
    }

    /// <summary>What cannot be told now is asked again a little later.</summary>
    bool IsTaken()
    {
        bool? taken = null;
        try
        {
            taken = _address.IsTaken;
        }
        catch (IOException exception)
        {
            Log.KeeperUnclear(_logger, _address.Store.Root, exception.Message);
        }
        if (taken is null)
            _ = Task.Delay(s_later, _stop.Token).ContinueWith(_ => ResignIfReplaced(), _stop.Token, TaskContinuationOptions.OnlyOnRanToCompletion, TaskScheduler.Default);
        return taken ?? false;
    }

    void StandForOffice()
    {
        try
        {
            _ = FindAsync(s_patience, CancellationToken.None).AsTask().GetAwaiter().GetResult();
        }
        catch (Exception exception) when (exception is IOException or ImageException or OperationCanceledException or ObjectDisposedException)
        {
            // The next image that is asked for tries again, and says why it cannot.
        }
    }
}
