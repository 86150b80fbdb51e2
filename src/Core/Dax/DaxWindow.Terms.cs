using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;
using VirtioFsStore.Core.Transport;

namespace VirtioFsStore.Core.Dax;

/// <summary>What the VMM maps: tried once, with a page of memory, before a guest needs it.</summary>
partial class DaxWindow
{
    const int Unknown = -1;

    int _terms = Unknown;

    int _isLearning;

    /// <summary>The VMM cannot be asked any more.</summary>
    volatile bool _isUnusable;

    /// <summary>The VMM maps nothing that is open for reading only. After the terms were learnt.</summary>
    bool MapsForWriting => ((WindowTerms)Volatile.Read(ref _terms) & WindowTerms.ReadOnly) == 0;

    /// <summary>
    /// Which files the guest is shown as ones to map: none, where the VMM maps nothing more. A session that goes on at another VMM without INIT has
    /// the terms learnt from its first request on; until then no file is shown whose mapping depends on them.
    /// </summary>
    public NodeAttributeFlags Shown()
    {
        if (_isUnusable)
            return NodeAttributeFlags.None;
        if (Volatile.Read(ref _terms) is var terms and not Unknown)
            return (((WindowTerms)terms & WindowTerms.ReadOnly) != 0 ? NodeAttributeFlags.DaxReadOnly : NodeAttributeFlags.None) | NodeAttributeFlags.Dax;
        if (Interlocked.Exchange(ref _isLearning, 1) == 0)
            _ = LearnAsync();
        return NodeAttributeFlags.Dax;
    }

    async Task LearnAsync()
    {
        var terms = await LearnTermsAsync(CancellationToken.None).ConfigureAwait(false);
        if (terms.IsError && terms.Error == Errno.EAGAIN)
            Volatile.Write(ref _isLearning, 0);
        else
            _isUnusable = terms.IsError;
    }

    /// <summary>EIO: the VMM cannot be asked; EAGAIN: not now; EINTR: the wait was cancelled.</summary>
    public async ValueTask<Reply<WindowTerms>> LearnTermsAsync(CancellationToken cancellation)
    {
        if (Volatile.Read(ref _terms) is var known and not Unknown)
            return (WindowTerms)known;
        var turn = await _turns.EnterAsync(0, DaxRange.Size, cancellation).ConfigureAwait(false);
        try
        {
            if (Volatile.Read(ref _terms) is var learnt and not Unknown)
                return (WindowTerms)learnt;
            var readOnly = await TryAsync(0, sealedForWriting: true, cancellation).ConfigureAwait(false);
            if (readOnly is not (Errno.None or Errno.EREMOTEIO))
                return readOnly;
            var behindEnd = await TryAsync(DaxRange.Page, sealedForWriting: false, cancellation).ConfigureAwait(false);
            if (behindEnd is not (Errno.None or Errno.EREMOTEIO))
                return behindEnd;
            var terms = (readOnly == Errno.None ? WindowTerms.ReadOnly : WindowTerms.None) | (behindEnd == Errno.None ? WindowTerms.BehindEnd : WindowTerms.None);
            Volatile.Write(ref _terms, (int)terms);
            if ((terms & WindowTerms.ReadOnly) == 0)
                Log.OnlyWritable(logger);
            return terms;
        }
        finally
        {
            _turns.Leave(turn);
        }
    }

    /// <summary>Has a page mapped at the window's beginning, where nothing is yet, and unmapped again.</summary>
    /// <param name="offset">In a file of one page.</param>
    /// <param name="sealedForWriting">The file is one that can be mapped for reading only.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <returns>None: the VMM did it; else as <see cref="IWindowFrontend.MapAsync"/>.</returns>
    async ValueTask<Errno> TryAsync(ulong offset, bool sealedForWriting, CancellationToken cancellation)
    {
        var fd = MemoryMaps.CreateMemoryFile("dax-trial");
        if (fd < 0)
            return Errno.EIO;
        using var file = new FileDescriptor(fd);
        if (FileSpace.SetLength(fd, (long)DaxRange.Page) < 0 || (sealedForWriting && MemoryMaps.SealWrites(fd) < 0))
            return Errno.EIO;
        var error = await frontend.MapAsync(fd, offset, 0, DaxRange.Page, writable: !sealedForWriting, cancellation).ConfigureAwait(false);
        return error == Errno.None && await frontend.Unmap(0, DaxRange.Page).Answer.ConfigureAwait(false) is var undone and not Errno.None ? Errno.EIO : error;
    }
}
