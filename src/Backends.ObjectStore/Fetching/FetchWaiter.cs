namespace VirtioFsStore.Backends.ObjectStore.Fetching;

/// <summary>Someone who waits for pieces of one fetch.</summary>
sealed class FetchWaiter(FetchRun run, long first, long last)
    : TaskCompletionSource<FetchOutcome>(TaskCreationOptions.RunContinuationsAsynchronously)
{
    public FetchRun Run => run;

    public long First => first;

    public long Last => last;
}
