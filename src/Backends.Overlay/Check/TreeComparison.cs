using System.Text;
using VirtioFsStore.Backends.Overlay.Merge;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Overlay.Check;

/// <summary>Compares what is served with a reference, path by path, and tells every difference in a line.</summary>
sealed class TreeComparison(ICheckedTree served, ICheckedTree reference, ComparisonRules rules, Action<string> difference)
{
    const int BlockSize = 1 << 20;

    readonly byte[] _left = new byte[BlockSize];
    readonly byte[] _right = new byte[BlockSize];

    /// <summary>Paths of the reference.</summary>
    public int Paths { get; private set; }

    /// <summary>Content that was compared, hard links once.</summary>
    public long Bytes { get; private set; }

    public int Differences { get; private set; }

    public async Task RunAsync(CancellationToken cancellation)
    {
        var left = await CollectAsync(served, cancellation).ConfigureAwait(false);
        var right = await CollectAsync(reference, cancellation).ConfigureAwait(false);
        var leftGroups = Groups(left.Values);
        var rightGroups = Groups(right.Values);
        Paths = right.Count;
        foreach (var path in left.Keys.Union(right.Keys).Order(StringComparer.Ordinal))
        {
            cancellation.ThrowIfCancellationRequested();
            if (!right.TryGetValue(path, out var expected))
                Tell(path, $"is served, but not in the {reference.Name}");
            else if (!left.TryGetValue(path, out var actual))
                Tell(path, $"is in the {reference.Name}, but not served");
            else
                await CompareAsync(actual, expected, leftGroups, rightGroups, cancellation).ConfigureAwait(false);
        }
    }

    static async Task<Dictionary<string, CheckedFile>> CollectAsync(ICheckedTree tree, CancellationToken cancellation)
    {
        var found = new Dictionary<string, CheckedFile>(StringComparer.Ordinal);
        await foreach (var file in tree.WalkAsync(cancellation).ConfigureAwait(false))
            found[file.Path] = file;
        return found;
    }

    /// <summary>Names of each inode that has several, sorted and joined.</summary>
    static Dictionary<ulong, string> Groups(IEnumerable<CheckedFile> files) => files
        .Where(file => !file.IsDirectory)
        .GroupBy(file => file.Inode)
        .Where(group => group.Count() > 1)
        .ToDictionary(group => group.Key, group => string.Join(" ", group.Select(file => Show(file.Path)).Order(StringComparer.Ordinal)));

    static string Show(string path) => PathText.FromRoot(Encoding.Latin1.GetBytes(path));

    static string Show(byte[] value) => value.Length <= 32 ? $"0x{Convert.ToHexStringLower(value)}" : $"0x{Convert.ToHexStringLower(value.AsSpan(0, 32))}… ({value.Length} bytes)";

    static string Show(Timestamp time) => $"{time.Seconds}.{time.Nanoseconds:000000000}";

    static string ShowMode(uint mode) => Convert.ToString(mode, 8).PadLeft(6, '0');

    void Tell(string path, string what)
    {
        Differences++;
        difference($"{Show(path)}: {what}");
    }

    void Differ(CheckedFile file, string what, string actual, string expected)
    {
        if (actual != expected)
            Tell(file.Path, $"{what}: served {actual}, {reference.Name} {expected}");
    }

    async ValueTask CompareAsync(
        CheckedFile actual, CheckedFile expected, Dictionary<ulong, string> actualGroups, Dictionary<ulong, string> expectedGroups, CancellationToken cancellation)
    {
        Differ(actual, "mode", ShowMode(actual.Mode), ShowMode(expected.Mode));
        if ((actual.Mode & StatMode.TypeMask) != (expected.Mode & StatMode.TypeMask))
            return;
        Differ(actual, "uid", $"{actual.Uid}", $"{expected.Uid}");
        Differ(actual, "gid", $"{actual.Gid}", $"{expected.Gid}");
        // ext4 says 1 of directories with over 65,000 subdirectories, btrfs of all (it means: not counted).
        if (!(actual.IsDirectory && expected.LinkCount == 1))
            Differ(actual, "links", $"{actual.LinkCount}", $"{expected.LinkCount}");
        Differ(actual, "hard links", actualGroups.GetValueOrDefault(actual.Inode, "none"), expectedGroups.GetValueOrDefault(expected.Inode, "none"));
        if (!(rules.ImpliedDirectoriesAreNew && actual.IsDirectory && actual.Time == default))
            Differ(actual, "mtime", Show(Cut(actual.Time)), Show(Cut(expected.Time)));
        if (StatMode.IsDevice(actual.Mode))
            Differ(actual, "device", $"{actual.Device}", $"{expected.Device}");
        Differ(actual, "target", Show(actual.Target), Show(expected.Target));
        CompareXattrs(actual, expected);
        if (!actual.IsDirectory)
            Differ(actual, "size", $"{actual.Size}", $"{expected.Size}");
        // Names of one inode have been compared as such: its first one stands for them.
        if (actual.IsRegular && actual.Size == expected.Size && IsFirstName(actual, actualGroups))
            await CompareContentAsync(actual, expected, cancellation).ConfigureAwait(false);
    }

    static bool IsFirstName(CheckedFile file, Dictionary<ulong, string> groups) =>
        !groups.TryGetValue(file.Inode, out var names) || names.StartsWith(Show(file.Path) + " ", StringComparison.Ordinal);

    Timestamp Cut(Timestamp time) => rules.WholeSeconds ? time with { Nanoseconds = 0 } : time;

    void CompareXattrs(CheckedFile actual, CheckedFile expected)
    {
        foreach (var name in actual.Xattrs.Keys.Union(expected.Xattrs.Keys).Order(StringComparer.Ordinal))
        {
            var isServed = actual.Xattrs.TryGetValue(name, out var left);
            var isExpected = expected.Xattrs.TryGetValue(name, out var right);
            // A host with SELinux labels whatever is unpacked on it.
            if (!isServed && name == "security.selinux")
                continue;
            if (!isServed || !isExpected || !left.AsSpan().SequenceEqual(right))
                Tell(actual.Path, $"xattr {Show(name)[1..]}: served {(isServed ? Show(left!) : "nothing")}, {reference.Name} {(isExpected ? Show(right!) : "nothing")}");
        }
    }

    async ValueTask CompareContentAsync(CheckedFile actual, CheckedFile expected, CancellationToken cancellation)
    {
        using var left = await served.OpenAsync(actual, cancellation).ConfigureAwait(false);
        using var right = await reference.OpenAsync(expected, cancellation).ConfigureAwait(false);
        // One block more than the size: what lies behind the end must not be given out.
        for (var offset = 0L; offset <= (long)expected.Size; offset += BlockSize)
        {
            var leftCount = await left.ReadAsync(offset, _left, cancellation).ConfigureAwait(false);
            var rightCount = await right.ReadAsync(offset, _right, cancellation).ConfigureAwait(false);
            Bytes += rightCount;
            var same = _left.AsSpan(0, leftCount).CommonPrefixLength(_right.AsSpan(0, rightCount));
            if (same == leftCount && same == rightCount)
                continue;
            Tell(actual.Path, $"content differs from byte {offset + same}");
            return;
        }
    }
}
