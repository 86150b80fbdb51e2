namespace VirtioFsStore.Benchmarks.Load;

/// <summary>What one generator asks for, over and over. An operation is one request or several in a row.</summary>
abstract class Workload
{
    /// <summary>Bytes of file data an operation moves; 0 where the operation is what counts.</summary>
    public virtual int DataLength => 0;

    /// <summary>Fills the slot with an operation's first request.</summary>
    public abstract void Start(RequestSlot slot);

    /// <summary>
    /// A request was answered with a body of <paramref name="length"/> bytes. True if that was the operation's last; otherwise the
    /// slot is filled with the next.
    /// </summary>
    public virtual bool Continue(RequestSlot slot, int length) => true;
}
