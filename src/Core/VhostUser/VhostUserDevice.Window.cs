using System.Runtime.InteropServices;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Core.VhostUser;

/// <summary>The back-end channel and the window that it leads to.</summary>
sealed partial class VhostUserDevice
{
    /// <summary>VIRTIO_MAX_SHMEM_REGIONS.</summary>
    const int MaxSharedMemoryRegions = 256;

    /// <summary>Null: the VMM lends none, or none was asked for.</summary>
    WindowChannel? _window;

    /// <summary>The channel where it leads to no window: lent, and not used.</summary>
    FileDescriptor? _channelOfNoUse;

    bool LendsWindow => _options.DaxWindow != 0
        && (_options.DaxDialect == WindowDialect.SlaveFs || _protocolFeatures.HasFlag(ProtocolFeatures.SharedMemory));

    /// <summary>Reply: u32 regions, u32 padding, u64 size of each by its id; the window has id 0 (virtio 1.3, 5.11.5).</summary>
    bool GetSharedMemoryConfiguration(Message message)
    {
        message.ExpectSize(0);
        Require(ProtocolFeatures.SharedMemory);
        Span<ulong> reply = stackalloc ulong[1 + MaxSharedMemoryRegions];
        reply.Clear();
        reply[0] = 1;
        reply[1] = _options.DaxWindow;
        _channel.Reply(message.Request, MemoryMarshal.AsBytes(reply));
        return true;
    }

    /// <summary>Takes over <paramref name="fd"/>; the channel before it is closed.</summary>
    void OpenBackendChannel(int fd)
    {
        CloseBackendChannel();
        var socket = new FileDescriptor(fd);
        if (!LendsWindow)
        {
            _channelOfNoUse = socket;
            return;
        }
        _window = new WindowChannel(socket, _options.DaxWindow, _options.DaxDialect, _options.DaxReplyLimit, () => _memory.Current.Regions.Length, _logger);
        _handler.AttachWindow(_window);
    }

    void CloseBackendChannel()
    {
        _channelOfNoUse?.Dispose();
        _channelOfNoUse = null;
        if (_window is null)
            return;
        _window.Stop();
        _handler.DetachWindow();
        _window.Dispose();
        _window = null;
    }
}
