using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Daemon.Channels;

/// <summary>A message as it came; its descriptors are the receiver's to close.</summary>
sealed record ReceivedMessage(uint Kind, uint Id, ReadOnlyMemory<byte> Body, FileDescriptor[] Descriptors) : IDisposable
{
    public void Dispose()
    {
        foreach (var descriptor in Descriptors)
            descriptor.Dispose();
    }
}
