using System.Globalization;
using System.Text;

namespace VirtioFsStore.Core.DevFuse;

/// <summary>One mount of this process's namespace: a line of /proc/self/mountinfo (proc(5)).</summary>
/// <param name="Id">The mount's own number; unique while it is mounted.</param>
/// <param name="Device">MAJOR:MINOR of the file system, which bind mounts of it share.</param>
/// <param name="MountPoint">An absolute path without links.</param>
/// <param name="Type">The file system's, with its subtype: fuse.virtiofs-store.</param>
/// <param name="Source">What was mounted.</param>
public sealed record MountInfo(int Id, string Device, string MountPoint, string Type, string Source)
{
    const string Table = "/proc/self/mountinfo";

    /// <summary>All, in the order of the kernel: of several on one mount point the last is the one that is seen.</summary>
    public static IReadOnlyList<MountInfo> ReadAll() => [.. File.ReadLines(Table).Select(Parse).OfType<MountInfo>()];

    /// <summary>The mount that an open descriptor lies on; also one whose server is dead.</summary>
    public static MountInfo? OfDescriptor(int fd)
    {
        const string Label = "mnt_id:";
        var line = File.ReadLines($"/proc/self/fdinfo/{fd.ToString(CultureInfo.InvariantCulture)}").FirstOrDefault(line => line.StartsWith(Label, StringComparison.Ordinal));
        return line is not null && int.TryParse(line.AsSpan(Label.Length), NumberStyles.AllowLeadingWhite, CultureInfo.InvariantCulture, out var id)
            ? ReadAll().FirstOrDefault(mount => mount.Id == id)
            : null;
    }

    /// <summary>The mount that is seen at a path without links.</summary>
    public static MountInfo? At(string mountPoint) => ReadAll().LastOrDefault(mount => mount.MountPoint == mountPoint);

    /// <summary>Null for a line that is not one.</summary>
    internal static MountInfo? Parse(string line)
    {
        // ID PARENT MAJOR:MINOR ROOT MOUNT-POINT OPTIONS [OPTIONAL…] - TYPE SOURCE SUPER-OPTIONS
        var fields = line.Split(' ');
        var separator = Array.IndexOf(fields, "-", Math.Min(6, fields.Length));
        if (separator < 0 || separator + 2 >= fields.Length || !int.TryParse(fields[0], NumberStyles.None, CultureInfo.InvariantCulture, out var id))
            return null;
        return new MountInfo(id, fields[2], Unescape(fields[4]), Unescape(fields[separator + 1]), Unescape(fields[separator + 2]));
    }

    /// <summary>Space, tab, newline, '#' and backslash come as a backslash and three octal digits.</summary>
    static string Unescape(string text)
    {
        if (!text.Contains('\\', StringComparison.Ordinal))
            return text;
        var result = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '\\' && i + 3 < text.Length && IsOctal(text[i + 1]) && IsOctal(text[i + 2]) && IsOctal(text[i + 3]))
            {
                result.Append((char)(((text[i + 1] - '0') << 6) | ((text[i + 2] - '0') << 3) | (text[i + 3] - '0')));
                i += 3;
                continue;
            }
            result.Append(text[i]);
        }
        return result.ToString();
    }

    static bool IsOctal(char c) => c is >= '0' and <= '7';
}
