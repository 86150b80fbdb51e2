using VirtioFsStore.Backends.Overlay.Check;

namespace VirtioFsStore.Fuzz;

/// <summary>Where targets keep their files: memory, where the machine has such a directory, so that a sync costs nothing.</summary>
static class Scratch
{
    public static string Parent { get; } = Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath();

    /// <summary>A folder that goes with all that is in it, whatever a guest named it.</summary>
    public static WorkFolder Create() => new(Parent);
}
