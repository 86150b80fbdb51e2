using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.ObjectStore.Cache;

/// <summary>
/// What the cache has of one layer, as its keeper sees it: the only writer of the layer's data and state file. Thread-safe.
/// </summary>
/// <remarks>
/// <para>Three readers of a mark have to be right: a server that reads at any moment, a keeper that comes after a kill -9, and a keeper that comes
/// after a power cut, when of what was not synced any part may be there, page by page. The order of writes that serves all three:</para>
/// <para>1. Bytes are written while their piece is not present, and a word says present only after them. So a server that finds the same word,
/// present, before and after its read has right bytes; and after a kill -9 nothing is lost, as the page cache outlives a process.</para>
/// <para>2. A mark may reach the disk before its bytes do, and a punched hole before the word that says absent. Either would be a present piece of
/// zeros, so before anything is written or dropped after a sync the header gets this boot's id and is synced: after a power cut all marks are in doubt.</para>
/// <para>3. A sync writes data, then words, then a header of zeros, each durable before the next, and the header only if nothing was marked or
/// dropped meanwhile, and nothing is just being written. So a header of zeros on the disk has nothing but true words beside it.</para>
/// <para>4. Marks of another boot become suspect: first the words, and when those are durable, the header. The other way round, a cut in between
/// would leave marks of the old boot under a header that vouches for them.</para>
/// <para>5. A sync of data that failed has said so once, and the kernel may since have dropped what it could not write. All present pieces become
/// suspect at once, and those that were being written when they are finished. They are written again when they are verified, as their pages
/// count as clean. A keeper that is killed between the failure and the last of these words has left the header's syncing mark.</para>
/// <para>6. Where the header is zeros, a seal beside it tells whether anyone wrote to the files since. By rule 2 that was no keeper, and all marks are
/// in doubt.</para>
/// </remarks>
public sealed partial class PieceStore : IAsyncDisposable, IPieceTarget
{
    readonly CacheFiles _files;
    readonly GuardedPieceMap _map;
    readonly Guid _boot;
    readonly ILogger _logger;
    readonly PieceDigests _digests;

    /// <summary>Guards words, header and holes against each other: never held while something is fetched or the data is synced.</summary>
    readonly Lock _gate = new();

    /// <summary>Pieces whose bytes are being written, and how many syncs had failed when that began.</summary>
    readonly Dictionary<long, int> _filling = [];

    int _failedSyncs;

    /// <summary>The header holds this boot's id, durably.</summary>
    bool _dirty;

    /// <summary>How many words were changed: what tells a sync that something happened beside it.</summary>
    long _changes;

    /// <summary>Suspect pieces may be right in the page cache and wrong on the disk.</summary>
    bool _rewriteSuspects = true;

    /// <summary>Ends when nobody is inside any more.</summary>
    readonly TaskCompletionSource _left = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Who is inside, and one until it is closed: not under the gate, which is held while a header is synced.</summary>
    int _users = 1;

    int _closed;

    internal PieceStore(CacheFiles files, Func<IPieceMap> map, Guid boot, LastUse use, ILogger logger, string? digests = null)
    {
        _files = files;
        _digests = new PieceDigests(digests);
        _map = new GuardedPieceMap(map, files.PieceCount, files.DataSize);
        _boot = boot;
        _logger = logger;
        Use = use;
        AdoptMarks();
    }

    /// <summary>Of pieces.</summary>
    public long PieceCount => _files.PieceCount;

    /// <summary>Of the data file in bytes.</summary>
    public long DataSize => _files.DataSize;

    public CacheCounters Counters { get; } = new();

    /// <summary>When pieces were used last.</summary>
    public LastUse Use { get; }

    internal string Name => _files.DataPath;

    internal GuardedPieceMap Map => _map;

    /// <summary>Opens the cache of a layer for its one writer.</summary>
    /// <param name="files">Where it lies.</param>
    /// <param name="map">Opens the layer's piece map; called once at most, when it is needed. The map becomes this object's own.</param>
    /// <param name="clock">For the times of use; null for the system's.</param>
    /// <param name="logger">For what went wrong.</param>
    /// <exception cref="SystemCallException">A file cannot be opened, mapped or synced.</exception>
    /// <exception cref="CacheException">The files are no layer's cache, or do not fit each other.</exception>
    public static PieceStore Open(LayerFiles files, Func<IPieceMap> map, TimeProvider? clock = null, ILogger? logger = null)
    {
        var opened = new CacheFiles(files.Data, files.State);
        try
        {
            return new PieceStore(opened, map, BootIdentity.Read(), LastUse.Open(files.Used, opened.PieceCount, clock ?? TimeProvider.System), logger ?? NullLogger.Instance, files.Digests);
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }

    /// <summary>Opens the piece map now instead of when it is needed.</summary>
    /// <exception cref="CacheException">It does not fit the files.</exception>
    public void OpenMap() => _map.Read(_ => true);

    /// <summary>What is there at this moment; anything but the two others counts as absent.</summary>
    public PieceState StateOf(long piece) => (PieceState)(uint)_files.Word(piece) switch
    {
        PieceState.Present => PieceState.Present,
        PieceState.Suspect => PieceState.Suspect,
        _ => PieceState.Absent,
    };

    /// <summary>Counts pieces, and asks the file system what they take. Reads every word.</summary>
    public CacheStatistics GetStatistics()
    {
        if (!TryEnter()) return default;
        try
        {
            long present = 0, suspect = 0;
            for (var piece = 0L; piece < PieceCount; piece++)
            {
                var state = StateOf(piece);
                if (state == PieceState.Present) present++;
                if (state == PieceState.Suspect) suspect++;
            }

            return new CacheStatistics(PieceCount, present, suspect, DataSize, AllocatedBytes, Counters.Read());
        }
        finally
        {
            Leave();
        }
    }

    /// <summary>What the data file takes on the disk, in bytes.</summary>
    public long AllocatedBytes => FileShape.OfDescriptor(_files.DataDescriptor, out var shape) < 0 ? 0 : shape.AllocatedBytes;

    /// <summary>Ends after everything that uses this has ended; syncs, so that the next keeper need not doubt anything.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _closed, 1) != 0) return;
        Leave();
        await _left.Task.ConfigureAwait(false);
        try
        {
            await ThawAsync().ConfigureAwait(false);
            await SyncCoreAsync().ConfigureAwait(false);
        }
        finally
        {
            Close();
        }
    }

    void Close()
    {
        lock (_useMaps)
        {
            foreach (var map in _useMaps)
            {
                map.Sweep(Use);
                map.Dispose();
            }

            _useMaps.Clear();
        }

        Use.Dispose();
        _map.Dispose();
        _digests.Dispose();
        _files.Dispose();
        _syncing.Dispose();
        _verifying.Dispose();
    }

    /// <summary>Whoever is inside keeps the files open.</summary>
    internal bool TryEnter()
    {
        if (Volatile.Read(ref _closed) != 0) return false;
        int users;
        do
        {
            users = Volatile.Read(ref _users);
            if (users == 0) return false;
        }
        while (Interlocked.CompareExchange(ref _users, users + 1, users) != users);
        return true;
    }

    internal void Leave()
    {
        if (Interlocked.Decrement(ref _users) == 0) _left.SetResult();
    }

    /// <summary>Whether there is something to fetch among some pieces. A suspect one is not: it is looked at where it lies.</summary>
    internal bool AnyAbsent(long first, long end)
    {
        for (var piece = first; piece < end; piece++)
            if (StateOf(piece) == PieceState.Absent)
                return true;
        return false;
    }

    /// <summary>Begins to write a piece, if it is absent: until it is finished nobody drops or writes it.</summary>
    Errno IPieceTarget.TryBegin(in Piece piece, out BeginOutcome outcome)
    {
        outcome = BeginOutcome.NotWanted;
        lock (_gate)
        {
            if (!IsGone(piece.Id)) return Errno.None;
            // A pin that comes later is let go of, as the word says absent.
            if (!TryThaw() || IsPinned(piece))
            {
                outcome = BeginOutcome.Pinned;
                return Errno.None;
            }

            var error = MakeDirty();
            if (error != Errno.None) return error;
            _filling.Add(piece.Id, _failedSyncs);
            outcome = BeginOutcome.Begun;
            return Errno.None;
        }
    }

    Errno IPieceTarget.Write(in Piece piece, long at, ReadOnlySpan<byte> bytes) => _files.WriteData(piece.DataOffset + at, bytes);

    /// <summary>Ends writing a piece: marks it present if its bytes are <paramref name="right"/>, else drops them.</summary>
    void IPieceTarget.Finish(in Piece piece, bool right)
    {
        lock (_gate)
        {
            _filling.Remove(piece.Id, out var failedSyncs);
            if (!right)
            {
                // The word says absent already, so that whatever becomes of this after a crash is garbage that nobody reads.
                var pages = PagesOf(piece, NeighboursOf(piece));
                if (pages.Length > 0) _ = _files.Punch(pages.Offset, pages.Length);
                return;
            }

            // Rule 5: a part of it may be lost already.
            SetState(piece.Id, failedSyncs == _failedSyncs ? PieceState.Present : PieceState.Suspect);
        }

        Use.Touch(piece.Id, 1);
        Counters.Filled(piece.Length);
    }

    /// <summary>Of a piece that the index knows no digest of, and whose bytes are right.</summary>
    internal void NoteDigest(long piece, ReadOnlySpan<byte> digest) => _digests.Note(piece, digest);

    /// <summary>Rule 2: to be called before anything is changed. What is begun under the gate with it keeps the header so until it is finished.</summary>
    Errno MakeDirty()
    {
        if (_dirty) return Errno.None;
        _files.SetBootId(_boot);
        var error = _files.SyncState();
        _dirty = error == Errno.None;
        if (!_dirty) Log.StateNotSynced(_logger, Name, error.Describe());
        return error;
    }

    /// <summary>Changes a word; leaving present or suspect for absent counts as an eviction. Under the gate.</summary>
    void SetState(long piece, PieceState state)
    {
        var word = _files.Word(piece);
        var generation = (uint)(word >> 32) + (state == PieceState.Absent ? 1u : 0);
        _changes++;
        if (!_files.ReplaceWord(piece, word, StateFile.Word(state, generation)))
            throw new CacheException($"{Name}: someone else writes its state file; only one keeper may");
    }
}
