using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Core.VhostUser;

/// <summary>One request to the VMM about its window. It is carried out in its turn, whether or not its caller still waits.</summary>
/// <param name="descriptor">What is to be mapped, this object's own; −1 to unmap.</param>
/// <param name="fileOffset">Bytes.</param>
/// <param name="windowOffset">Bytes.</param>
/// <param name="length">Bytes.</param>
/// <param name="writable">To map for writing.</param>
sealed class WindowCommand(int descriptor, ulong fileOffset, ulong windowOffset, ulong length, bool writable) : IDisposable
{
    readonly FileDescriptor? _descriptor = descriptor < 0 ? null : new FileDescriptor(descriptor);
    readonly TaskCompletionSource<Errno> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
    readonly TaskCompletionSource<Errno> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public bool IsMap => _descriptor is not null;

    public int Descriptor => _descriptor?.Value ?? -1;

    public ulong FileOffset => fileOffset;

    public ulong WindowOffset => windowOffset;

    public ulong Length => length;

    public bool IsWritable => writable;

    /// <summary>What its caller is answered.</summary>
    public Task<Errno> Answer => _answer.Task;

    /// <summary>What the VMM has answered.</summary>
    public Task<Errno> Done => _done.Task;

    /// <summary>Answers the caller before the VMM does. False: that was done already.</summary>
    public bool TryAnswer(Errno result) => _answer.TrySetResult(result);

    /// <summary>The VMM has answered, or cannot: the end of it. False: its caller was answered already.</summary>
    public bool End(Errno result)
    {
        _ = _done.TrySetResult(result);
        return TryAnswer(result);
    }

    /// <summary>What takes a mapping back that nobody waits for any more.</summary>
    public WindowCommand Undo() => new(-1, 0, windowOffset, length, false);

    public void Dispose() => _descriptor?.Dispose();
}
