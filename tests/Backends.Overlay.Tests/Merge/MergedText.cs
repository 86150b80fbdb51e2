using System.Text;
using VirtioFsStore.Backends.Overlay.Merge;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Overlay.Tests.Merge;

/// <summary>A merged image as lines to compare: each path with what it is.</summary>
static class MergedText
{
    /// <summary>All paths below the root, sorted: directories end in a slash, symlinks show their target.</summary>
    public static string[] Paths(this MergedImage image) => [.. Walk(image).Select(found => found.Path + Suffix(image, found.Node))];

    public static int NodeAt(this MergedImage image, string path) => Walk(image).Single(found => found.Path == path).Node;

    public static ref MergedNode At(this MergedImage image, string path) => ref image.Nodes[path.Length == 0 ? 0 : image.NodeAt(path)];

    public static IEnumerable<(string Path, int Node)> Walk(this MergedImage image)
    {
        var found = new List<(string Path, int Node)>();
        var open = new Stack<(string Path, int Node)>([("", 0)]);
        while (open.TryPop(out var directory))
        {
            for (var name = image.Nodes[directory.Node].FirstChild; name >= 0; name = image.Names[name].NextSibling)
            {
                var path = directory.Path + Encoding.Latin1.GetString(image.Names.TextOf(name));
                var node = image.Names[name].Node;
                found.Add((path, node));
                if (image.Nodes[node].IsDirectory)
                    open.Push((path + "/", node));
            }
        }

        return found.OrderBy(entry => entry.Path, StringComparer.Ordinal);
    }

    static string Suffix(MergedImage image, int node)
    {
        ref var merged = ref image.Nodes[node];
        return (merged.Mode & StatMode.TypeMask) switch
        {
            StatMode.Directory => "/",
            StatMode.SymbolicLink => " -> " + Encoding.Latin1.GetString(image.LinkOf(merged)),
            _ => "",
        };
    }
}
