using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Core.Transport;

/// <summary>
/// The VMM's side of a DAX window: the range of guest addresses into which it maps files. Requests are carried out one after the other,
/// in the order of the calls, whether or not their callers still wait.
/// </summary>
public interface IWindowFrontend
{
    /// <summary>Bytes of the window, a multiple of <see cref="DaxRange.Size"/>.</summary>
    ulong Size { get; }

    /// <summary>
    /// Parts that may be mapped at a time. Each is memory that the VMM announces to every device: QEMU (11.1) aborts, and its guest with it, when
    /// they are more than its 509 slots, of which the guest's memory takes some. VMMs of the older dialect announce all of the window once.
    /// </summary>
    int MaxMappings { get; }

    /// <summary>Has a part of a file mapped at a place where nothing is.</summary>
    /// <param name="fd">The file, open for what the guest may do; the caller's again when the call has returned.</param>
    /// <param name="fileOffset">Bytes, whole pages.</param>
    /// <param name="windowOffset">Bytes, whole pages.</param>
    /// <param name="length">Bytes, whole pages; the file has them all.</param>
    /// <param name="writable">The guest may write.</param>
    /// <param name="cancellation">Ends the wait, with EINTR: what the VMM maps afterwards is unmapped again.</param>
    /// <returns>None; EREMOTEIO: the VMM refused, and nothing has changed; EAGAIN: the VMM waits for this side at the moment, and cannot be
    /// asked; EIO: it cannot be asked any more.</returns>
    Task<Errno> MapAsync(int fd, ulong fileOffset, ulong windowOffset, ulong length, bool writable, CancellationToken cancellation);

    /// <summary>Takes away what one <see cref="MapAsync"/> has put there, as a whole.</summary>
    /// <returns>None; EREMOTEIO: the VMM says that it has no such mapping; EIO: it cannot be asked any more, and may have it still.</returns>
    WindowRemoval Unmap(ulong windowOffset, ulong length);

    /// <summary>The VMM has dropped all by itself: its device was reset.</summary>
    void Forget();
}
