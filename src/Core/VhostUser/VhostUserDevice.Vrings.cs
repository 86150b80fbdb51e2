using System.Diagnostics;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Virtqueues;

namespace VirtioFsStore.Core.VhostUser;

/// <summary>The queues: what they are told, their start and their end.</summary>
sealed partial class VhostUserDevice
{
    /// <summary>virtio 1.3, 2.7: the largest split ring.</summary>
    const uint MaxRingSize = 32768;

    /// <summary>VHOST_VRING_F_LOG.</summary>
    const uint LogUsedFlag = 1;

    /// <summary>Bit 8 of SET_VRING_KICK, CALL and ERR: no descriptor comes with it.</summary>
    const ulong NoDescriptorFlag = 0x100;

    /// <summary>u32 index, u32 entries.</summary>
    bool SetVringSize(Message message)
    {
        message.ExpectSize(8);
        var size = message.U32(4);
        if (size is 0 or > MaxRingSize || (size & (size - 1)) != 0)
            throw VhostUserException.Refusal($"a split ring cannot have {size} entries");
        Idle(message.U32(0)).Size = (ushort)size;
        return false;
    }

    /// <summary>u32 index, u32 flags, u64 descriptor table, used ring, available ring, log address.</summary>
    bool SetVringAddresses(Message message)
    {
        message.ExpectSize(40);
        var vring = Find(message.U32(0));
        var addresses = new RingAddresses(
            message.U64(8), message.U64(24), message.U64(16), (message.U32(4) & LogUsedFlag) != 0, message.U64(32));
        if (!addresses.IsAligned)
            throw VhostUserException.Refusal($"queue {vring.Index}'s ring addresses are not aligned");
        if (vring.Worker is { } worker)
        {
            // Migration turns the log on and off under a running ring; the ring itself does not move.
            if (vring.Addresses is { } known && known with { LogsUsed = addresses.LogsUsed, LogAddress = addresses.LogAddress } != addresses)
                throw VhostUserException.Refusal($"queue {vring.Index} runs and cannot be moved");
            worker.SetAddresses(addresses);
            // The queue looks for the addresses where it looks for the memory: once it has this one, it logs as it was told.
            RepublishMemory();
        }
        vring.Addresses = addresses;
        TryStart(vring);
        return false;
    }

    /// <summary>u32 index, u32 available index.</summary>
    bool SetVringBase(Message message)
    {
        message.ExpectSize(8);
        var value = message.U32(4);
        if (value > ushort.MaxValue)
            throw VhostUserException.Refusal($"an available index cannot be {value}");
        Idle(message.U32(0)).Base = (ushort)value;
        return false;
    }

    /// <summary>Stops the ring. Request u32 index, u32 unused; reply the same with the available index.</summary>
    bool GetVringBase(Message message)
    {
        message.ExpectSize(8);
        var vring = Find(message.U32(0));
        _window?.Hold();
        Stop(vring, Stopwatch.GetTimestamp());
        if (!_resetPending)
            _window?.Release();
        _ = vring.SetKick(-1);
        var reply = ((ulong)vring.Base << 32) | (uint)vring.Index;
        _channel.Reply(message.Request, BytesOf(ref reply));
        return true;
    }

    bool SetVringKick(Message message)
    {
        var vring = TakeEventFd(message, out var fd);
        if (fd < 0)
            throw VhostUserException.Refusal($"queue {vring.Index} would have to be polled, which this back end does not; give it an eventfd");
        SystemCallException.ThrowIfError(vring.SetKick(fd), "epoll_ctl", $"the kick eventfd of queue {vring.Index}");
        TryStart(vring);
        return false;
    }

    bool SetVringCall(Message message)
    {
        var vring = TakeEventFd(message, out var fd);
        SystemCallException.ThrowIfError(vring.Call.Set(fd), "dup3", $"the call eventfd of queue {vring.Index}");
        return false;
    }

    bool SetVringError(Message message)
    {
        var vring = TakeEventFd(message, out var fd);
        SystemCallException.ThrowIfError(vring.Error.Set(fd), "dup3", $"the error eventfd of queue {vring.Index}");
        return false;
    }

    /// <summary>u32 index, u32 0 or 1.</summary>
    bool SetVringEnable(Message message)
    {
        message.ExpectSize(8);
        var enable = message.U32(4);
        if (enable > 1)
            throw VhostUserException.Refusal($"a queue is enabled by 1 or disabled by 0, not by {enable}");
        Enable(Find(message.U32(0)), enable == 1);
        return false;
    }

    void Enable(Vring vring, bool enable)
    {
        vring.IsEnabled = enable;
        vring.Worker?.SetEnabled(enable);
        TryStart(vring);
    }

    /// <summary>u64: the queue in bits 0 to 7, bit 8 where no descriptor comes. Takes the descriptor over, −1 if there is none.</summary>
    Vring TakeEventFd(Message message, out int fd)
    {
        message.ExpectSize(8);
        var value = message.U64(0);
        if ((value & ~(NoDescriptorFlag | 0xff)) != 0)
            throw VhostUserException.Violation($"0x{value:x} is not a queue's number");
        message.ExpectDescriptors((value & NoDescriptorFlag) != 0 ? 0 : 1);
        var vring = Find((uint)value & 0xff);
        fd = message.DescriptorCount == 0 ? -1 : message.TakeDescriptor();
        return vring;
    }

    Vring Find(uint index)
    {
        if (index >= (uint)_vrings.Length)
            throw VhostUserException.Violation($"there is no queue {index}; there are {_vrings.Length}");
        return _vrings[index] ??= new Vring((int)index, _handler)
        {
            IsEnabled = _features != DeviceFeatures.None && !_features.HasFlag(DeviceFeatures.ProtocolFeatures),
        };
    }

    Vring Idle(uint index)
    {
        var vring = Find(index);
        if (vring.Worker is not null)
            throw VhostUserException.Refusal($"queue {index} runs; stop it first");
        return vring;
    }

    /// <summary>Starts a queue as soon as all is there that it needs, in whatever order it came.</summary>
    void TryStart(Vring vring)
    {
        if (!vring.CanStart || _resetPending)
            return;
        var inflight = _inflight?.For(vring.Index, vring.Size);
        if (inflight is null && _inflight is not null)
            throw VhostUserException.Refusal($"the inflight records have no place for queue {vring.Index} with {vring.Size} entries");
        var setup = new QueueSetup
        {
            Index = vring.Index,
            Size = vring.Size,
            Addresses = vring.Addresses!.Value,
            Base = vring.Base,
            Indirect = _features.HasFlag(DeviceFeatures.IndirectDescriptors),
            EventIndex = _features.HasFlag(DeviceFeatures.EventIndex),
            Inflight = inflight,
        };
        var reader = _memory.AddReader();
        QueueWorker? worker = null;
        try
        {
            worker = new QueueWorker(setup, reader, vring.Pool, _handler, vring.Call, vring.Error, _logger, _abandoned.OnWorkerExit);
            SystemCallException.ThrowIfError(worker.AddKick(vring.KickFd), "epoll_ctl", $"the kick eventfd of queue {vring.Index}");
            var fault = worker.Start(enabled: true);
            if (fault != RingFault.None)
                throw VhostUserException.Refusal($"queue {vring.Index} cannot start: {fault.Describe()}");
        }
        catch
        {
            _memory.RemoveReader(reader);
            worker?.Dispose();
            throw;
        }
        vring.Worker = worker;
    }

    /// <summary>Ends a queue, at most so long after <paramref name="since"/> as the options say; then it is taken away from its worker.</summary>
    void Stop(Vring vring, long since)
    {
        if (vring.Worker is not { } worker)
            return;
        worker.RequestStop();
        var ended = JoinUntilLimit(worker, since);
        if (!ended)
        {
            worker.Abandon();
            worker.RemoveKick(vring.KickFd);
        }
        vring.Base = worker.NextAvailable;
        vring.Worker = null;
        if (ended)
        {
            _memory.RemoveReader(worker.Reader);
            worker.Dispose();
        }
        else
        {
            _abandoned.Add(worker, vring.GiveUpPool());
        }
    }

    bool JoinUntilLimit(QueueWorker worker, long since)
    {
        if (_answersMatter)
        {
            if (_abandoned.WaitForEnd(worker, _channel.StopFd, TimeLeft(since), out var isStopping))
                return true;
            if (!isStopping)
                return false;
            var grace = TimeLeft(since, _options.StopGrace);
            var left = TimeLeft(since);
            if (worker.Join(left != Timeout.InfiniteTimeSpan && left < grace ? left : grace))
                return true;
            _answersMatter = false;
        }
        // Twice: for what keeps the thread from noticing, and for what it took before it noticed.
        _handler.CancelWaiting();
        if (worker.WaitUntilQuiet(TimeLeft(since)))
            _handler.CancelWaiting();
        return worker.Join(TimeLeft(since));
    }

    TimeSpan TimeLeft(long since) => TimeLeft(since, _options.DrainLimit);

    static TimeSpan TimeLeft(long since, TimeSpan limit)
    {
        if (limit == Timeout.InfiniteTimeSpan)
            return limit;
        var left = limit - Stopwatch.GetElapsedTime(since);
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    void StopAll()
    {
        var since = Stopwatch.GetTimestamp();
        foreach (var vring in _vrings)
            vring?.Worker?.RequestStop();
        foreach (var vring in _vrings)
        {
            if (vring is null)
                continue;
            Stop(vring, since);
            _ = vring.SetKick(-1);
        }
    }
}
