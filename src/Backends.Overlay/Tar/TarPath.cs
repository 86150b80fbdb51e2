namespace VirtioFsStore.Backends.Overlay.Tar;

/// <summary>The names in tar streams.</summary>
public static class TarPath
{
    /// <summary>NAME_MAX: what Linux file systems and FUSE take.</summary>
    public const int MaxComponent = 255;

    /// <summary>PATH_MAX without its NUL: what a runtime that unpacks layers could create.</summary>
    public const int MaxLength = 4095;

    /// <summary>Makes a path relative to the root: no leading or trailing slash, no empty and no <c>.</c> component. A <c>..</c>
    /// takes the component before it away by name alone, as the runtimes' path cleaning does; one that leads out of the root
    /// is an error, as Docker has it. Empty for the root.</summary>
    /// <returns>Null, with <paramref name="problem"/> saying why, if it cannot be a path in an image.</returns>
    public static byte[]? Normalize(ReadOnlySpan<byte> raw, out string problem)
    {
        problem = "";
        var result = new byte[raw.Length];
        var length = 0;
        while (!raw.IsEmpty)
        {
            var slash = raw.IndexOf((byte)'/');
            var component = slash < 0 ? raw : raw[..slash];
            raw = slash < 0 ? [] : raw[(slash + 1)..];
            if (component.IsEmpty || component.SequenceEqual("."u8)) continue;
            if (component.SequenceEqual(".."u8))
            {
                if (length == 0)
                {
                    problem = "leads out of the image's root";
                    return null;
                }

                length = Math.Max(0, result.AsSpan(0, length).LastIndexOf((byte)'/'));
                continue;
            }

            if (component.Length > MaxComponent)
            {
                problem = $"has a component of {component.Length} bytes, more than the {MaxComponent} that a name can have";
                return null;
            }

            if (component.Contains((byte)0))
            {
                problem = "holds a NUL byte";
                return null;
            }

            if (length > 0) result[length++] = (byte)'/';
            component.CopyTo(result.AsSpan(length));
            length += component.Length;
        }

        if (length > MaxLength)
        {
            problem = $"has {length} bytes, more than the {MaxLength} that a path can have";
            return null;
        }

        return length == result.Length ? result : result[..length];
    }

    /// <summary>The part after the last slash.</summary>
    public static ReadOnlySpan<byte> Name(ReadOnlySpan<byte> path) => path[(path.LastIndexOf((byte)'/') + 1)..];

    /// <summary>The part before the last slash; empty for what lies in the root.</summary>
    public static ReadOnlySpan<byte> Parent(ReadOnlySpan<byte> path) => path[..Math.Max(0, path.LastIndexOf((byte)'/'))];
}
