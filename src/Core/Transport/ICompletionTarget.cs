namespace VirtioFsStore.Core.Transport;

/// <summary>The queue a request came from: takes it back when it was finished off the queue's own thread.</summary>
interface ICompletionTarget
{
    /// <summary>From any thread. Puts the request on the queue's completion ring and wakes its worker.</summary>
    void OnCompleted(TransportRequest request);

    /// <summary>The peer has its memory back and no answer is wanted any more. From any thread; once true, always true.</summary>
    bool IsRevoked => false;
}
