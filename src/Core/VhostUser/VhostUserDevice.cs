using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Memory;
using VirtioFsStore.Core.Transport;

namespace VirtioFsStore.Core.VhostUser;

/// <summary>
/// The device as one connection has set it up: features, memory, queues. Handles the VMM's messages, one at a time, on the
/// connection's thread. Made anew for each connection; the handler's session is not.
/// </summary>
sealed partial class VhostUserDevice : IDisposable
{
    readonly VhostUserOptions _options;
    readonly IRequestHandler _handler;
    readonly GuestMemoryTable _memory;
    readonly AbandonedQueues _abandoned;
    readonly ConfigurationSpace? _configuration;
    readonly MessageChannel _channel;
    readonly ILogger _logger;
    readonly Vring?[] _vrings;
    readonly ProtocolFeatures _offeredProtocolFeatures;
    DeviceFeatures _features;
    ProtocolFeatures _protocolFeatures;
    bool _resetPending;
    bool _answersMatter = true;

    public VhostUserDevice(
        VhostUserOptions options,
        IRequestHandler handler,
        GuestMemoryTable memory,
        AbandonedQueues abandoned,
        ConfigurationSpace? configuration,
        MessageChannel channel,
        ILogger logger)
    {
        _options = options;
        _handler = handler;
        _memory = memory;
        _abandoned = abandoned;
        _configuration = configuration;
        _channel = channel;
        _logger = logger;
        _vrings = new Vring?[QueueCount];
        _offeredProtocolFeatures = ChooseProtocolFeatures();
    }

    /// <summary>hiprio and the request queues.</summary>
    int QueueCount => 1 + _options.MaxRequestQueues;

    /// <summary>Does what a message asks, and answers it where it wants an answer.</summary>
    /// <exception cref="VhostUserException">The connection is to be closed.</exception>
    public void Handle(Message message)
    {
        var acknowledges = message.NeedsReply && _protocolFeatures.HasFlag(ProtocolFeatures.ReplyAck);
        bool replied;
        try
        {
            replied = Dispatch(message);
        }
        catch (Exception exception) when (acknowledges && exception is VhostUserException { IsViolation: false } or SystemCallException)
        {
            Log.RequestRefused(_logger, message.Request, exception.Message);
            _channel.Reply(message.Request, 1);
            return;
        }
        if (acknowledges && !replied)
            _channel.Reply(message.Request, 0);
    }

    /// <summary>After queues that were given up may have ended.</summary>
    public void OnAbandonedEnded()
    {
        _abandoned.Reap();
        if (!_resetPending || !_abandoned.IsEmpty)
            return;
        _resetPending = false;
        ResetSession();
        foreach (var vring in _vrings)
        {
            if (vring is not null)
                TryStart(vring);
        }
    }

    /// <summary>The VMM has gone for good: what requests wait for is cancelled when the queues are stopped.</summary>
    public void OnPeerLost() => _answersMatter = false;

    /// <summary>
    /// The end of the connection: stops the queues, waits for what is in flight as long as the options allow, which is less
    /// where the server is being stopped, and lets the guest's memory go.
    /// </summary>
    public void Dispose()
    {
        // What waits for the VMM ends now.
        _window?.Stop();
        StopAll();
        if (!_abandoned.IsEmpty)
            _handler.CancelWaiting();
        CloseBackendChannel();
        _memory.Publish(GuestMemory.Empty);
        _inflight?.Dispose();
        foreach (var vring in _vrings)
            vring?.Dispose();
    }

    /// <summary>Answers true where the message had a reply of its own.</summary>
    bool Dispatch(Message message)
    {
        switch (message.Request)
        {
            case FrontendRequest.GetFeatures: return GetFeatures(message);
            case FrontendRequest.SetFeatures: return SetFeatures(message);
            case FrontendRequest.SetOwner: return Ignore(message);
            // Deprecated; to ignore it is one of the two recommended readings.
            case FrontendRequest.ResetOwner: return Ignore(message);
            case FrontendRequest.SetMemTable: return SetMemoryTable(message);
            case FrontendRequest.SetLogBase: return SetLogBase(message);
            case FrontendRequest.SetLogFd: return SetLogFd(message);
            case FrontendRequest.SetVringNum: return SetVringSize(message);
            case FrontendRequest.SetVringAddr: return SetVringAddresses(message);
            case FrontendRequest.SetVringBase: return SetVringBase(message);
            case FrontendRequest.GetVringBase: return GetVringBase(message);
            case FrontendRequest.SetVringKick: return SetVringKick(message);
            case FrontendRequest.SetVringCall: return SetVringCall(message);
            case FrontendRequest.SetVringErr: return SetVringError(message);
            case FrontendRequest.GetProtocolFeatures: return GetProtocolFeatures(message);
            case FrontendRequest.SetProtocolFeatures: return SetProtocolFeatures(message);
            case FrontendRequest.GetQueueNum: return GetQueueCount(message);
            case FrontendRequest.SetVringEnable: return SetVringEnable(message);
            case FrontendRequest.SetBackendReqFd: return SetBackendChannel(message);
            case FrontendRequest.GetConfig: return GetConfiguration(message);
            case FrontendRequest.SetConfig: return SetConfiguration(message);
            case FrontendRequest.GetInflightFd: return GetInflight(message);
            case FrontendRequest.SetInflightFd: return SetInflight(message);
            case FrontendRequest.GetSharedMemoryConfig: return GetSharedMemoryConfiguration(message);
            case FrontendRequest.ResetDevice: return ResetDevice(message);
            case FrontendRequest.GetMaxMemSlots: return GetMaxMemorySlots(message);
            case FrontendRequest.AddMemReg: return AddMemoryRegion(message);
            case FrontendRequest.RemMemReg: return RemoveMemoryRegion(message);
            default:
                throw VhostUserException.Refusal("this back end does not have that request");
        }
    }

    static bool Ignore(Message message)
    {
        message.ExpectSize(0);
        message.ExpectDescriptors(0);
        return false;
    }

    bool ReplyWith(Message message, ulong value)
    {
        _channel.Reply(message.Request, value);
        return true;
    }

    void Require(ProtocolFeatures feature)
    {
        if (!_protocolFeatures.HasFlag(feature))
            throw VhostUserException.Refusal($"the protocol feature {feature} was not negotiated");
    }

    void ResetSession()
    {
        _handler.Reset();
        _window?.Release();
    }

    static Span<byte> BytesOf<T>(ref T value) where T : unmanaged => MemoryMarshal.AsBytes(new Span<T>(ref value));
}
