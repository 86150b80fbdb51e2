using VirtioFsStore.Core.Transport;

namespace VirtioFsStore.Fuzz.Vhost;

/// <summary>
/// Believes what the queue hands over: reads every byte that is to be read and writes every byte that may be written. A range that
/// is not the guest's ends the process.
/// </summary>
sealed class TouchingHandler : IRequestHandler
{
    long _sum;

    /// <summary>So that INFLIGHT_SHMFD is offered, whose records a VMM can damage.</summary>
    public bool Replayable => true;

    /// <summary>Keeps the reads from being optimised away.</summary>
    public long Sum => Interlocked.Read(ref _sum);

    public TransportRequest CreateRequest(int queueIndex) => new Request();

    public bool Handle(TransportRequest request)
    {
        Touch(request);
        // Some end later, on another thread, as those do that wait.
        if ((request.Writable.Length & 31) != 1)
            return true;
        ThreadPool.UnsafeQueueUserWorkItem(static late => late.Complete(), request, preferLocal: false);
        return false;
    }

    public void CancelWaiting()
    {
    }

    public void Reset()
    {
    }

    unsafe void Touch(TransportRequest request)
    {
        var sum = 0L;
        for (var i = 0; i < request.Readable.Count; i++)
        {
            var bytes = (byte*)request.Readable.Vectors[i].Base;
            for (nuint at = 0; at < request.Readable.Vectors[i].Length; at += 512)
                sum += bytes[at];
            sum += bytes[request.Readable.Vectors[i].Length - 1];
        }
        for (var i = 0; i < request.Writable.Count; i++)
        {
            var bytes = (byte*)request.Writable.Vectors[i].Base;
            for (nuint at = 0; at < request.Writable.Vectors[i].Length; at += 512)
                bytes[at] = (byte)at;
            bytes[request.Writable.Vectors[i].Length - 1] = 1;
        }
        Interlocked.Add(ref _sum, sum);
        request.BytesWritten = (int)Math.Min(request.Writable.Length, int.MaxValue);
    }

    sealed class Request : TransportRequest;
}
