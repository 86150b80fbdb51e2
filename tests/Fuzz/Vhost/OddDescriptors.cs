using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.Interop;

namespace VirtioFsStore.Fuzz.Vhost;

/// <summary>Descriptors of every kind that a VMM can send along, of which few are what a message wants.</summary>
sealed class OddDescriptors : IDisposable
{
    public const long MemorySize = 4 << 20;

    readonly List<FileDescriptor> _all = [];

    public OddDescriptors()
    {
        _all.Add(new FileDescriptor(Native.CreateMemory("fuzz", MemorySize)));
        _all.Add(new FileDescriptor(Native.CreateMemory("small", 4096)));
        _all.Add(new FileDescriptor(Native.CreateMemory("empty", 0)));
        _all.Add(new FileDescriptor(Native.CreateEvent()));
        _all.Add(new FileDescriptor(Native.CreateEvent(blocking: true)));
        var (ours, theirs) = Native.CreateSocketPair();
        _all.Add(new FileDescriptor(ours));
        _all.Add(new FileDescriptor(theirs));
        foreach (var (path, flags) in new[] { ("/dev/null", OpenFlags.O_RDWR), ("/dev/zero", OpenFlags.O_RDONLY), ("/", OpenFlags.O_RDONLY), ("/proc/self/status", OpenFlags.O_RDONLY), ("/", OpenFlags.O_PATH) })
            _all.Add(new FileDescriptor(SystemCallException.ThrowIfError(Descriptors.Open(path, flags), "open", path)));
    }

    /// <summary>Memory that is large enough for what messages say.</summary>
    public int Memory => _all[0].Value;

    public int Event => _all[3].Value;

    public int Draw(Random random) => _all[random.Next(_all.Count)].Value;

    public void Dispose() => _all.ForEach(one => one.Dispose());
}
