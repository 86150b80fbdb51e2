namespace VirtioFsStore.Driver.Hosting;

/// <summary>The descriptors of this process, to find out whether something was left open.</summary>
public static class OpenDescriptors
{
    /// <summary>
    /// What <paramref name="act"/> leaves open each time it runs; null if it once leaves nothing. The process's own runtime opens and
    /// closes descriptors too, so that one growth says nothing, and a leak grows again.
    /// </summary>
    public static string? LeftBy(Action act) => LeftBy(act, "self");

    /// <summary>The same of another process, in which <paramref name="act"/> has something done.</summary>
    public static string? LeftBy(Action act, int process) => LeftBy(act, process.ToString(System.Globalization.CultureInfo.InvariantCulture));

    static string? LeftBy(Action act, string process)
    {
        // Whatever is made once is made.
        act();
        string? left = null;
        for (var i = 0; i < 4; i++)
        {
            // Else what nobody closed may be closed in between, where nobody refers to it any more.
            GC.Collect();
            GC.WaitForPendingFinalizers();
            var before = List(process);
            act();
            var after = List(process);
            if (after.Count <= before.Count)
                return null;
            left = string.Join(", ", after.Where(one => before.GetValueOrDefault(one.Key) != one.Value).Select(one => $"{one.Key} {one.Value}"));
        }
        return left;
    }

    public static int Count() => Directory.GetFiles("/proc/self/fd").Length;

    /// <summary>What each descriptor refers to, for messages.</summary>
    public static SortedDictionary<int, string> List() => List("self");

    static SortedDictionary<int, string> List(string process)
    {
        var all = new SortedDictionary<int, string>();
        foreach (var path in Directory.GetFiles($"/proc/{process}/fd"))
            if (int.TryParse(Path.GetFileName(path), out var fd))
                all[fd] = new FileInfo(path).LinkTarget ?? "?";
        return all;
    }
}
