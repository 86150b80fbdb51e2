namespace VirtioFsStore.Driver.Hosting;

/// <summary>The descriptors of this process, to find out whether something was left open.</summary>
public static class OpenDescriptors
{
    /// <summary>
    /// What <paramref name="act"/> leaves open each time it runs; null if it once leaves nothing. The process's own runtime opens and
    /// closes descriptors too, so that one growth says nothing, and a leak grows again.
    /// </summary>
    public static string? LeftBy(Action act)
    {
        // Whatever is made once is made.
        act();
        string? left = null;
        for (var i = 0; i < 4; i++)
        {
            var before = List();
            act();
            var after = List();
            if (after.Count <= before.Count)
                return null;
            left = string.Join(", ", after.Where(one => before.GetValueOrDefault(one.Key) != one.Value).Select(one => $"{one.Key} {one.Value}"));
        }
        return left;
    }

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
