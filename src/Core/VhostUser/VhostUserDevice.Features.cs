using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Core.VhostUser;

/// <summary>Negotiation, the configuration space, and the device's reset.</summary>
sealed partial class VhostUserDevice
{
    bool GetFeatures(Message message)
    {
        message.ExpectSize(0);
        return ReplyWith(message, (ulong)DeviceFeatures.Offered);
    }

    bool SetFeatures(Message message)
    {
        message.ExpectSize(8);
        var wanted = (DeviceFeatures)message.U64(0);
        if ((wanted & ~DeviceFeatures.Offered) != 0)
            throw VhostUserException.Refusal($"features 0x{(ulong)(wanted & ~DeviceFeatures.Offered):x} were not offered");
        var changed = wanted ^ _features;
        // What a running ring was started with stays; a VMM changes only the logging then (vhost-user, "Migration").
        if ((changed & (DeviceFeatures.EventIndex | DeviceFeatures.IndirectDescriptors)) != 0 && Array.Exists(_vrings, vring => vring?.Worker is not null))
            throw VhostUserException.Refusal("a queue runs, so the ring features cannot change");
        _features = wanted;
        UpdateLogging();
        // Without protocol features there is no SET_VRING_ENABLE: rings start enabled (vhost-user, "Ring states").
        if (!wanted.HasFlag(DeviceFeatures.ProtocolFeatures))
        {
            for (var i = 0; i < _vrings.Length; i++)
            {
                if (_vrings[i] is { } vring)
                    Enable(vring, true);
            }
        }
        return false;
    }

    bool GetProtocolFeatures(Message message)
    {
        message.ExpectSize(0);
        return ReplyWith(message, (ulong)_offeredProtocolFeatures);
    }

    /// <summary>Once per connection: the handler may change its mind between what is offered and what is accepted.</summary>
    ProtocolFeatures ChooseProtocolFeatures()
    {
        var offered = ProtocolFeatures.MultiQueue | ProtocolFeatures.LogShmFd | ProtocolFeatures.ReplyAck | ProtocolFeatures.BackendReq
            | ProtocolFeatures.BackendSendFd | ProtocolFeatures.ResetDevice | ProtocolFeatures.ConfigureMemSlots;
        if (_configuration is not null)
            offered |= ProtocolFeatures.Config;
        if (_options.DaxWindow != 0 && _options.DaxDialect == WindowDialect.SharedMemory)
            offered |= ProtocolFeatures.SharedMemory;
        // Another daemon would run the outstanding requests a second time.
        if (_handler.Replayable)
            offered |= ProtocolFeatures.InflightShmFd;
        return offered;
    }

    bool SetProtocolFeatures(Message message)
    {
        message.ExpectSize(8);
        var wanted = (ProtocolFeatures)message.U64(0);
        if ((wanted & ~_offeredProtocolFeatures) != 0)
            throw VhostUserException.Violation($"protocol features 0x{(ulong)(wanted & ~_offeredProtocolFeatures):x} were not offered");
        _protocolFeatures = wanted;
        return false;
    }

    bool GetQueueCount(Message message)
    {
        message.ExpectSize(0);
        return ReplyWith(message, (ulong)QueueCount);
    }

    bool SetBackendChannel(Message message)
    {
        message.ExpectSize(0);
        message.ExpectDescriptors(1);
        Require(ProtocolFeatures.BackendReq);
        SystemCallException.ThrowIfError(FileShape.OfDescriptor(message.PeekDescriptor(0), out var shape), "statx", "the back-end channel");
        if (!shape.IsSocket)
            throw VhostUserException.Refusal("the back-end channel is not a socket");
        OpenBackendChannel(message.TakeDescriptor());
        return false;
    }

    /// <summary>u32 offset, u32 size, u32 flags, then size bytes; the reply is the same with the bytes filled in.</summary>
    bool GetConfiguration(Message message)
    {
        var wanted = ConfigurationPayload(message);
        Span<byte> reply = stackalloc byte[12 + ConfigurationSpace.MaxSize];
        message.Body[..12].CopyTo(reply);
        if (_configuration is not null && wanted <= ConfigurationSpace.MaxSize && _configuration.TryRead(message.U32(0), reply.Slice(12, wanted)))
            _channel.Reply(message.Request, reply[..(12 + wanted)]);
        else
            _channel.Reply(message.Request, []); // "zero length of payload to indicate an error"
        return true;
    }

    bool SetConfiguration(Message message)
    {
        _ = ConfigurationPayload(message);
        // Not a reason to part: a guest can cause this by writing to its device's registers.
        if (!message.NeedsReply)
        {
            Log.RequestRefused(_logger, message.Request, "every field of the configuration space is read-only");
            return false;
        }
        throw VhostUserException.Refusal("every field of the configuration space is read-only");
    }

    static int ConfigurationPayload(Message message)
    {
        if (message.Size < 12 || message.U32(4) != (uint)(message.Size - 12))
            throw VhostUserException.Violation($"a body of {message.Size} bytes does not hold the configuration bytes it names");
        return message.Size - 12;
    }

    /// <summary>
    /// Stops all queues and ends the session. What the VMM set up once (memory, call and error eventfds, protocol features)
    /// stays: QEMU does not send it again.
    /// </summary>
    bool ResetDevice(Message message)
    {
        message.ExpectSize(0);
        // A driver that resets its device waits for no answers.
        _answersMatter = false;
        _window?.Hold();
        StopAll();
        _answersMatter = true;
        foreach (var vring in _vrings)
        {
            if (vring is null)
                continue;
            vring.IsEnabled = false;
            vring.Base = 0;
        }
        _features = DeviceFeatures.None;
        UpdateLogging();
        _inflight?.Clear();
        // The handler is promised that no request is outstanding.
        _resetPending = !_abandoned.IsEmpty;
        if (_resetPending)
            _handler.CancelWaiting();
        else
            ResetSession();
        return false;
    }
}
