using System.Globalization;
using System.Text;

namespace VirtioFsStore.Backends.Overlay.Merge;

/// <summary>Names of an image as people can read them: UTF-8 as it is; control characters, backslashes and what is not UTF-8
/// as \n or \xHH, so that a name can neither break a line nor drive a terminal.</summary>
public static class PathText
{
    public static string Of(ReadOnlySpan<byte> path)
    {
        var text = new StringBuilder(path.Length);
        while (!path.IsEmpty)
        {
            var status = Rune.DecodeFromUtf8(path, out var rune, out var length);
            if (status == System.Buffers.OperationStatus.Done && !IsUnsafe(rune))
                text.Append(rune.ToString());
            else if (rune.Value == '\n' && length == 1)
                text.Append("\\n");
            else if (rune.Value == '\\' && length == 1)
                text.Append("\\\\");
            else
                foreach (var value in path[..length])
                    text.Append(CultureInfo.InvariantCulture, $"\\x{value:x2}");
            path = path[length..];
        }

        return text.ToString();
    }

    /// <summary>As <see cref="Of"/>, with a slash before it: the path from the image's root.</summary>
    public static string FromRoot(ReadOnlySpan<byte> path) => "/" + Of(path);

    static bool IsUnsafe(Rune rune) =>
        rune.Value == '\\' || Rune.GetUnicodeCategory(rune)
            is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;
}
