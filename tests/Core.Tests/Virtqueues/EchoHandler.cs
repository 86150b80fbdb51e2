using VirtioFsStore.Core.Transport;

namespace VirtioFsStore.Core.Tests.Virtqueues;

/// <summary>Answers each request with what it asked, at once or when the test says so.</summary>
sealed class EchoHandler : IRequestHandler
{
    readonly List<TransportRequest> _held = [];

    public bool Replayable { get; set; }

    /// <summary>Keep requests until <see cref="Release"/>.</summary>
    public bool Holds { get; set; }

    /// <summary>Takes each request, and completes it whenever it likes.</summary>
    public Action<TransportRequest>? Defer { get; set; }

    /// <summary>Called with each request, on the queue's thread, before it is answered.</summary>
    public Action<TransportRequest>? OnRequest { get; set; }

    public int Handled { get; private set; }

    public int Made { get; private set; }

    public int Resets { get; private set; }

    public TransportRequest CreateRequest(int queueIndex)
    {
        Made++;
        return new Request();
    }

    public bool Handle(TransportRequest request)
    {
        Handled++;
        OnRequest?.Invoke(request);
        if (Defer is { } defer)
        {
            defer(request);
            return false;
        }
        if (!Holds)
        {
            Echo(request);
            return true;
        }
        lock (_held)
        {
            _held.Add(request);
            Monitor.PulseAll(_held);
        }
        return false;
    }

    public void CancelWaiting() => Release();

    public void Reset() => Resets++;

    /// <summary>Waits until so many requests are held.</summary>
    public bool WaitHeld(int count)
    {
        lock (_held)
        {
            while (_held.Count < count)
            {
                if (!Monitor.Wait(_held, TimeSpan.FromSeconds(20)))
                    return false;
            }
            return true;
        }
    }

    /// <summary>Answers what is held, on the caller's thread; oldest or newest first.</summary>
    public void Release(bool newestFirst = false)
    {
        TransportRequest[] held;
        lock (_held)
        {
            held = [.. _held];
            _held.Clear();
        }
        if (newestFirst)
            Array.Reverse(held);
        foreach (var request in held)
        {
            Echo(request);
            request.Complete();
        }
    }

    /// <summary>Answers the one that came last.</summary>
    public void ReleaseNewest()
    {
        TransportRequest request;
        lock (_held)
        {
            request = _held[^1];
            _held.RemoveAt(_held.Count - 1);
        }
        Echo(request);
        request.Complete();
    }

    static unsafe void Echo(TransportRequest request)
    {
        var written = 0;
        for (var i = 0; i < request.Readable.Count; i++)
            written += request.Writable.Write(new ReadOnlySpan<byte>(request.Readable.Vectors[i].Base, (int)request.Readable.Vectors[i].Length));
        request.BytesWritten = written;
    }

    sealed class Request : TransportRequest;
}
