using System.Text;

namespace VirtioFsStore.Core.Mounts;

/// <summary>Where something is mounted in a session: an absolute path, checked and taken apart.</summary>
public sealed class MountPath
{
    /// <summary>Bytes; PATH_MAX with its NUL.</summary>
    const int MaxLength = 4095;

    const int MaxName = 255;

    MountPath(byte[][] names, string text)
    {
        Names = names;
        Text = text;
    }

    /// <summary>From the root on; at least one.</summary>
    internal IReadOnlyList<byte[]> Names { get; }

    /// <summary>With one slash before each name and none at the end.</summary>
    public string Text { get; }

    public override string ToString() => Text;

    /// <exception cref="MountException">It is not absolute, is the root, or has ".", ".." or an overlong name.</exception>
    public static MountPath Parse(string path)
    {
        if (path.Length == 0 || path[0] != '/')
            throw Invalid($"A mount point is an absolute path, e.g. /images/web; got '{path}'.");
        if (path.Contains('\0', StringComparison.Ordinal) || Encoding.UTF8.GetByteCount(path) > MaxLength)
            throw Invalid($"A mount point has no NUL and at most {MaxLength} bytes.");
        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        if (parts.Length == 0)
            throw Invalid("The root itself cannot be a mount point here; name a directory below it.");
        var names = Array.ConvertAll(parts, Encoding.UTF8.GetBytes);
        if (parts.Contains(".") || parts.Contains("..") || names.Any(name => name.Length > MaxName))
            throw Invalid($"A mount point has no '.', no '..' and no name over {MaxName} bytes; got '{path}'.");
        return new MountPath(names, "/" + string.Join('/', parts));
    }

    static MountException Invalid(string message) => new(MountFailure.Invalid, message);
}
