using VirtioFsStore.Core.Transport;

namespace VirtioFsStore.Core.Virtqueues;

/// <summary>The request objects of one queue. Used by the queue's own thread only; never holds more than were in flight at once.</summary>
sealed class RequestPool(int queueIndex, IRequestHandler handler) : IDisposable
{
    readonly Stack<QueuedRequest> _free = new();

    public QueuedRequest Rent(ICompletionTarget target)
    {
        if (!_free.TryPop(out var request))
            return new QueuedRequest(handler.CreateRequest(queueIndex), queueIndex, target);
        request.Request.Target = target;
        return request;
    }

    public void Return(QueuedRequest request)
    {
        request.End();
        _free.Push(request);
    }

    public void Dispose()
    {
        while (_free.TryPop(out var request))
            request.Dispose();
    }
}
