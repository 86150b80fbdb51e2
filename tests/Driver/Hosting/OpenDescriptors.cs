namespace VirtioFsStore.Driver.Hosting;

/// <summary>The descriptors of this process, to find out whether something was left open.</summary>
public static class OpenDescriptors
{
    public static int Count() => Directory.GetFiles("/proc/self/fd").Length;

    /// <summary>What each descriptor refers to, for messages.</summary>
    public static SortedDictionary<int, string> List()
    {
        var all = new SortedDictionary<int, string>();
        foreach (var path in Directory.GetFiles("/proc/self/fd"))
            if (int.TryParse(Path.GetFileName(path), out var fd))
                all[fd] = new FileInfo(path).LinkTarget ?? "?";
        return all;
    }
}
