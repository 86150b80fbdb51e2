using System.Text;

namespace VirtioFsStore.Core.Interop;

/// <summary>Paths that people typed, as the kernel takes them: UTF-8 with a NUL at the end.</summary>
public static class Utf8Path
{
    /// <exception cref="ArgumentException">The path holds a NUL.</exception>
    public static byte[] Encode(string path)
    {
        if (path.Contains('\0', StringComparison.Ordinal))
            throw new ArgumentException("A path cannot hold a NUL character.", nameof(path));
        var bytes = new byte[Encoding.UTF8.GetByteCount(path) + 1];
        Encoding.UTF8.GetBytes(path, bytes);
        return bytes;
    }
}
