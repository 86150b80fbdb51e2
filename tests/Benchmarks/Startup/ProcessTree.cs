using System.Globalization;

namespace VirtioFsStore.Benchmarks.Startup;

/// <summary>A process and all below it: a daemon's parent and its server.</summary>
static class ProcessTree
{
    public static IEnumerable<int> Of(int pid) => Children(pid).SelectMany(Of).Prepend(pid);

    static int[] Children(int pid)
    {
        try
        {
            return [.. Directory.GetDirectories($"/proc/{pid}/task")
                .SelectMany(thread => File.ReadAllText(Path.Combine(thread, "children")).Split(' ', StringSplitOptions.RemoveEmptyEntries))
                .Select(child => int.Parse(child, CultureInfo.InvariantCulture))];
        }
        catch (IOException)
        {
            // It has ended.
            return [];
        }
    }
}
