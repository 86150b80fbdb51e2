using System.Runtime.InteropServices;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.Interop;
using VirtioFsStore.Driver.VhostUser;

namespace VirtioFsStore.Driver.Vmm;

/// <summary>
/// The DAX window as a VMM makes it: addresses into which it maps what the back-end asks for, on a thread of its own. It refuses what
/// vhost-user has it refuse: an overlap, what lies outside the window or goes beyond a file's end, and to unmap anything but a whole mapping.
/// QEMU 11.1 refuses two things more, seen on the real one: what lies wholly behind a file's end, and a descriptor that is open for reading
/// only, for it maps all for writing. The guest's view is what <see cref="Read"/> tells.
/// </summary>
public sealed unsafe class SharedWindow : IDisposable
{
    readonly BackendChannel _channel;
    readonly byte* _pointer;
    readonly Thread _thread;
    readonly Lock _lock = new();
    readonly List<WindowRequest> _mappings = [];
    readonly List<WindowRequest> _requests = [];
    readonly List<string> _refusals = [];

    readonly bool _likeQemu;

    /// <param name="channel">The back-end channel.</param>
    /// <param name="size">Bytes.</param>
    /// <param name="likeQemu">Refuses what QEMU 11.1 does.</param>
    public SharedWindow(BackendChannel channel, ulong size, bool likeQemu = false)
    {
        _channel = channel;
        _likeQemu = likeQemu;
        _channel.Socket.Timeout = Timeout.InfiniteTimeSpan;
        Size = size;
        _pointer = Native.Reserve((nuint)size);
        _thread = new Thread(Serve) { IsBackground = true, Name = "VMM's window" };
        _thread.Start();
    }

    public ulong Size { get; }

    /// <summary>Decides over each request, on the window's thread: a test may wait here. By default all are obeyed.</summary>
    public Func<WindowRequest, WindowAnswer>? OnRequest { get; set; }

    /// <summary>What the VMM does after it has answered, on the window's thread: QEMU announces the new memory (ADD_MEM_REG) and waits.</summary>
    public Action<WindowRequest>? Answered { get; set; }

    /// <summary>What is mapped now, by place.</summary>
    public IReadOnlyList<WindowRequest> Mappings
    {
        get
        {
            lock (_lock)
                return [.. _mappings.OrderBy(mapping => mapping.Offset)];
        }
    }

    /// <summary>All requests, in order; those before <see cref="Forget"/> are not among them.</summary>
    public IReadOnlyList<WindowRequest> Requests
    {
        get
        {
            lock (_lock)
                return [.. _requests];
        }
    }

    /// <summary>What was refused because the specification forbids it, and why.</summary>
    public IReadOnlyList<string> Refusals
    {
        get
        {
            lock (_lock)
                return [.. _refusals];
        }
    }

    /// <summary>What the guest sees; a place where nothing is mapped is an error.</summary>
    public byte[] Read(ulong offset, int length)
    {
        Check(offset, (ulong)length, false);
        return new ReadOnlySpan<byte>(_pointer + offset, length).ToArray();
    }

    /// <summary>Reads a byte of each page, as a guest does that has all of it in use.</summary>
    public void Touch(ulong offset, ulong length)
    {
        Check(offset, length, false);
        for (var at = offset; at < offset + length; at += 4096)
            _ = Volatile.Read(ref _pointer[at]);
    }

    /// <summary>What the guest writes.</summary>
    public void Write(ulong offset, ReadOnlySpan<byte> bytes)
    {
        Check(offset, (ulong)bytes.Length, true);
        bytes.CopyTo(new Span<byte>(_pointer + offset, bytes.Length));
    }

    /// <summary>What was asked for and refused so far does not count: a back-end tries what its VMM maps.</summary>
    public void Forget()
    {
        lock (_lock)
        {
            _requests.Clear();
            _refusals.Clear();
        }
    }

    /// <summary>Unmaps all, as with a reset of the device.</summary>
    public void Drop()
    {
        lock (_lock)
        {
            Native.ReserveAgain(_pointer, (nuint)Size);
            _mappings.Clear();
        }
    }

    public void Dispose()
    {
        _ = Native.Shutdown(_channel.Socket.Fd);
        _thread.Join();
        Native.Unmap(_pointer, (nuint)Size);
        _channel.Dispose();
    }

    void Serve()
    {
        try
        {
            while (_channel.Socket.TryReceive() is { } message)
            {
                using (message)
                    if (!Serve(message))
                        break;
            }
        }
        catch (VhostUserProtocolException exception)
        {
            Refuse(exception.Message);
        }
        _ = Native.Shutdown(_channel.Socket.Fd);
    }

    bool Serve(VhostUserMessage message)
    {
        var request = Parse(message);
        lock (_lock)
            _requests.Add(request);
        var answer = OnRequest?.Invoke(request) ?? WindowAnswer.Obey;
        if (answer == WindowAnswer.Die)
            return false;
        var failed = answer == WindowAnswer.Refuse || !TryObey(request, message);
        if (answer != WindowAnswer.Silence)
            _channel.Answer(message, failed ? 1UL : 0);
        if (!failed)
            Answered?.Invoke(request);
        return true;
    }

    static WindowRequest Parse(VhostUserMessage message)
    {
        var kind = (BackendRequest)message.Request;
        if (kind is BackendRequest.ShmemMap or BackendRequest.ShmemUnmap)
        {
            var body = message.Body<SharedMemoryMapping>();
            if (body.RegionId != 0)
                throw new VhostUserProtocolException($"There is no region {body.RegionId}.");
            return new WindowRequest(kind, body.FileOffset, body.RegionOffset, body.Length, (body.Flags & SharedMemoryMapping.Writable) != 0);
        }
        // VhostUserFSSlaveMsg: eight of each field; this back-end uses the first.
        if (kind is not (BackendRequest.SlaveFsMap or BackendRequest.SlaveFsUnmap) || message.Payload.Length != 4 * 8 * sizeof(ulong))
            throw new VhostUserProtocolException($"Message {message.Request} of {message.Payload.Length} bytes is none about the window.");
        var fields = MemoryMarshal.Cast<byte, ulong>(message.Payload);
        if (fields[17..24].ContainsAnyExcept(0UL))
            throw new VhostUserProtocolException("Places of the message that are not used have lengths.");
        if (kind == BackendRequest.SlaveFsMap && (fields[24] & 1) == 0)
            throw new VhostUserProtocolException("A mapping is not even readable.");
        return new WindowRequest(kind, fields[0], fields[8], fields[16], (fields[24] & 2) != 0);
    }

    bool TryObey(WindowRequest request, VhostUserMessage message)
    {
        lock (_lock)
        {
            if (request.Length == 0 || request.End < request.Offset || request.End > Size || ((request.Offset | request.Length | request.FileOffset) & 4095) != 0)
                return Refuse($"{request} is not in the window");
            return request.IsMap ? TryMap(request, message) : TryUnmap(request);
        }
    }

    bool TryMap(WindowRequest request, VhostUserMessage message)
    {
        if (_mappings.Exists(other => other.Offset < request.End && request.Offset < other.End))
            return Refuse($"{request} overlaps");
        using var file = message.TakeDescriptor();
        var size = Native.Seek(file.Value, 0, 2);
        // A VMM may mind no place that lies wholly behind the end.
        if (size <= 0 || ((_likeQemu || request.FileOffset < (ulong)size) && request.FileOffset + request.Length > (ulong)size))
            return Refuse($"{request} ends past the file's {size} bytes");
        if (Native.MapAt(_pointer + request.Offset, file.Value, (long)request.FileOffset, (nuint)request.Length, request.IsWritable || _likeQemu) is null)
            return Refuse($"{request} cannot be mapped");
        _mappings.Add(request);
        return true;
    }

    bool TryUnmap(WindowRequest request)
    {
        if (_mappings.RemoveAll(other => other.Offset == request.Offset && other.Length == request.Length) != 1)
            return Refuse($"{request} is no mapping");
        Native.ReserveAgain(_pointer + request.Offset, (nuint)request.Length);
        return true;
    }

    bool Refuse(string reason)
    {
        lock (_lock)
            _refusals.Add(reason);
        return false;
    }

    void Check(ulong offset, ulong length, bool writing)
    {
        lock (_lock)
        {
            for (var at = offset; at < offset + length;)
            {
                var found = _mappings.FindIndex(mapping => mapping.Offset <= at && at < mapping.End && (mapping.IsWritable || !writing));
                at = found >= 0 ? _mappings[found].End : throw new InvalidOperationException($"The guest touches offset {at} of the window, where nothing is mapped{(writing ? " for writing" : "")}.");
            }
        }
    }
}
