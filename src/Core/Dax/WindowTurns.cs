namespace VirtioFsStore.Core.Dax;

/// <summary>
/// Keeps the order of requests that touch the same part of a window, while others go on. Each waits for all earlier ones, so that no two
/// can wait for one another. As many at a time as the queues have requests.
/// </summary>
sealed class WindowTurns
{
    readonly Lock _lock = new();
    readonly List<WindowTurn> _turns = [];

    /// <summary>Answers when it is this request's turn; whoever has it calls <see cref="Leave"/>.</summary>
    /// <exception cref="OperationCanceledException">The wait was cancelled.</exception>
    public async ValueTask<WindowTurn> EnterAsync(ulong start, ulong length, CancellationToken cancellation)
    {
        var turn = new WindowTurn(start, start + length);
        List<Task>? earlier = null;
        lock (_lock)
        {
            foreach (var other in _turns)
            {
                if (other.Overlaps(start, start + length))
                    (earlier ??= []).Add(other.Ended);
            }
            _turns.Add(turn);
        }
        if (earlier is null)
            return turn;
        try
        {
            foreach (var other in earlier)
                await other.WaitAsync(cancellation).ConfigureAwait(false);
            return turn;
        }
        catch
        {
            Leave(turn);
            throw;
        }
    }

    public void Leave(WindowTurn turn)
    {
        lock (_lock)
            _turns.Remove(turn);
        turn.End();
    }
}
