namespace VirtioFsStore.Benchmarks.Dax;

/// <summary>How a guest comes by the data of one image.</summary>
/// <param name="Name">As the table has it.</param>
/// <param name="Tag">Of the device.</param>
/// <param name="Window">The device has a window.</param>
/// <param name="MountOptions">Of mount(8).</param>
sealed record DaxMode(string Name, string Tag, bool Window, string MountOptions)
{
    /// <summary>What the others are held against.</summary>
    public static DaxMode Read { get; } = new("read", "read", false, "ro");

    /// <summary>As Linux mounts without a word: files from --dax-min on are mapped.</summary>
    public static DaxMode Default { get; } = new("default", "default", true, "ro");

    public static DaxMode Always { get; } = new("always", "always", true, "ro,dax=always");

    public static IReadOnlyList<DaxMode> Mapped { get; } = [Always, Default];

    public static IReadOnlyList<DaxMode> All { get; } = [Always, Default, Read];
}
