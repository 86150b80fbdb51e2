using VirtioFsStore.Backends.Overlay.Oci;

namespace VirtioFsStore.Backends.Overlay.Check;

/// <summary>Reads what <c>tar -t</c> and <c>tar -tv</c> print with <c>--quoting-style=escape</c>.</summary>
static class TarListing
{
    /// <param name="names">Of <c>tar -t</c>: a name a line.</param>
    /// <param name="details">Of <c>tar -tv</c>: a line for each of the same members.</param>
    public static List<TarMember> Parse(ReadOnlySpan<byte> names, ReadOnlySpan<byte> details)
    {
        var members = new List<TarMember>();
        while (!names.IsEmpty)
        {
            var name = Line(ref names);
            var detail = Line(ref details);
            if (detail.IsEmpty)
                throw new ImageException("GNU tar listed a layer differently the second time");
            members.Add(new TarMember(Normalize(Unescape(name)), (char)detail[0]));
        }

        return members;
    }

    static ReadOnlySpan<byte> Line(ref ReadOnlySpan<byte> text)
    {
        var end = text.IndexOf((byte)'\n');
        var line = end < 0 ? text : text[..end];
        text = end < 0 ? default : text[(end + 1)..];
        return line;
    }

    /// <summary>gnulib's quotearg, escape style: C's letters and three octal digits.</summary>
    static byte[] Unescape(ReadOnlySpan<byte> text)
    {
        var plain = new List<byte>(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != '\\' || i + 1 == text.Length)
            {
                plain.Add(text[i]);
                continue;
            }

            i++;
            if (text[i] is >= (byte)'0' and <= (byte)'7' && i + 2 < text.Length)
            {
                plain.Add((byte)(((text[i] - '0') << 6) | ((text[i + 1] - '0') << 3) | (text[i + 2] - '0')));
                i += 2;
                continue;
            }

            plain.Add(text[i] switch
            {
                (byte)'a' => 7,
                (byte)'b' => 8,
                (byte)'f' => 12,
                (byte)'n' => 10,
                (byte)'r' => 13,
                (byte)'t' => 9,
                (byte)'v' => 11,
                var other => other,
            });
        }

        return [.. plain];
    }

    static byte[] Normalize(ReadOnlySpan<byte> name)
    {
        var path = new List<byte>(name.Length);
        foreach (var range in name.Split((byte)'/'))
        {
            var component = name[range];
            if (component is [] or [(byte)'.'])
                continue;
            if (path.Count > 0)
                path.Add((byte)'/');
            path.AddRange(component);
        }

        return [.. path];
    }
}
