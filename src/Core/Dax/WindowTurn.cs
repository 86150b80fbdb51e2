namespace VirtioFsStore.Core.Dax;

/// <summary>A request's turn in a part of the window: until it ends, later ones that touch the part wait.</summary>
sealed class WindowTurn(ulong start, ulong end)
{
    readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task Ended => _ended.Task;

    public bool Overlaps(ulong otherStart, ulong otherEnd) => start < otherEnd && otherStart < end;

    public void End() => _ended.SetResult();
}
