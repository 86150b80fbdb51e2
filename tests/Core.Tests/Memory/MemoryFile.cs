using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Memory;

namespace VirtioFsStore.Core.Tests.Memory;

/// <summary>A memfd of a given length, from which regions and logs are mapped.</summary>
sealed class MemoryFile : IDisposable
{
    readonly FileDescriptor _file;

    public MemoryFile(long length)
    {
        _file = new FileDescriptor(SystemCallException.ThrowIfError(MemoryMaps.CreateMemoryFile("test"), "memfd_create"));
        SystemCallException.ThrowIfError(FileSpace.SetLength(_file.Value, length), "ftruncate");
    }

    public int Fd => _file.Value;

    public GuestRegion Map(MemoryRegionInfo info)
    {
        var region = GuestRegion.TryMap(info, Fd, out var error);
        return region ?? throw new InvalidOperationException(error);
    }

    public void Dispose() => _file.Dispose();
}
