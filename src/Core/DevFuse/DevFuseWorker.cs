using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Transport;

namespace VirtioFsStore.Core.DevFuse;

/// <summary>One thread with its own descriptor of the connection: reads a request, has it handled, writes the reply. One read and one write each.</summary>
sealed unsafe class DevFuseWorker : ICompletionTarget, IDisposable
{
    /// <summary>Requests that wait keep their buffers; when many have ended together, no more than so many are kept for the next.</summary>
    const int MaxPooled = 32;

    readonly int _index;
    readonly FileDescriptor _device;
    readonly int _bufferSize;
    readonly IRequestHandler _handler;
    readonly ILogger _logger;
    readonly CountdownEvent _outstanding;
    readonly ConcurrentStack<TransportRequest> _returned = new();
    readonly Thread _thread;
    TransportRequest? _spare;
    int _pooled;

    /// <param name="index">The queue's number in the session.</param>
    /// <param name="device">This worker's own descriptor of the connection; owned.</param>
    /// <param name="bufferSize">Bytes of the largest request and reply.</param>
    /// <param name="outstanding">Counts the requests that are being handled, of all workers.</param>
    /// <param name="handler">The session.</param>
    /// <param name="logger">Where faults of the connection go.</param>
    public DevFuseWorker(int index, FileDescriptor device, int bufferSize, CountdownEvent outstanding, IRequestHandler handler, ILogger logger)
    {
        _outstanding = outstanding;
        _index = index;
        _device = device;
        _bufferSize = bufferSize;
        _handler = handler;
        _logger = logger;
        _thread = new Thread(Run) { Name = $"fuse{index}", IsBackground = true };
    }

    /// <summary>After <see cref="Join"/>: it ended for another reason than that the file system was unmounted.</summary>
    public bool HasFailed { get; private set; }

    public void Start() => _thread.Start();

    /// <summary>Waits for its end; at once for one that was never started.</summary>
    public void Join()
    {
        if ((_thread.ThreadState & ThreadState.Unstarted) == 0)
            _thread.Join();
    }

    /// <inheritdoc/>
    public void OnCompleted(TransportRequest request)
    {
        // Any thread may answer the kernel; only the pool is shared.
        SendReply(request);
        if (Interlocked.Increment(ref _pooled) <= MaxPooled)
        {
            _returned.Push(request);
        }
        else
        {
            Interlocked.Decrement(ref _pooled);
            Release(request);
        }
        _outstanding.Signal();
    }

    public void Dispose()
    {
        _device.Dispose();
        while (Take() is { } request)
            Release(request);
    }

    static void Release(TransportRequest request)
    {
        ((DevFuseBuffers)request.TransportState!).Dispose();
        request.Dispose();
    }

    void Run()
    {
        while (true)
        {
            var request = Take() ?? Create();
            var buffers = (DevFuseBuffers)request.TransportState!;
            var count = FileIo.Read(_device.Value, buffers.Request, (nuint)buffers.Size);
            if (count < 0)
            {
                _spare = request;
                // ENOENT: the request was interrupted before it was read. EAGAIN: another reader took it. ENODEV: unmounted.
                if (count.ToErrno() is Errno.ENOENT or Errno.EAGAIN)
                    continue;
                HasFailed = count.ToErrno() != Errno.ENODEV;
                if (HasFailed)
                    Log.ReadFailed(_logger, count.ToErrno().Describe());
                return;
            }
            request.Readable.Clear();
            request.Readable.Append(buffers.Request, (nuint)count);
            request.Writable.Clear();
            request.Writable.Append(buffers.Reply, (nuint)buffers.Size);
            // Before it is handled: it may be completed elsewhere before Handle returns.
            _outstanding.AddCount();
            if (!_handler.Handle(request))
                continue;
            SendReply(request);
            _spare = request;
            _outstanding.Signal();
        }
    }

    void SendReply(TransportRequest request)
    {
        if (request.BytesWritten == 0)
            return;
        var buffers = (DevFuseBuffers)request.TransportState!;
        var result = FileIo.Write(_device.Value, buffers.Reply, (nuint)request.BytesWritten);
        // ENOENT: nobody waits any more (interrupted). ENODEV: unmounted meanwhile.
        if (result < 0 && result.ToErrno() is not (Errno.ENOENT or Errno.ENODEV))
            Log.ReplyRefused(_logger, request.BytesWritten, result.ToErrno().Describe());
    }

    TransportRequest? Take()
    {
        if (_spare is { } spare)
        {
            _spare = null;
            return spare;
        }
        if (!_returned.TryPop(out var returned))
            return null;
        Interlocked.Decrement(ref _pooled);
        return returned;
    }

    TransportRequest Create()
    {
        var request = _handler.CreateRequest(_index);
        request.QueueIndex = _index;
        request.Target = this;
        request.TransportState = new DevFuseBuffers(_bufferSize);
        return request;
    }
}
