using VirtioFsStore.Daemon.Commands;

namespace VirtioFsStore.Daemon.Serving;

/// <summary>A source and where it goes below the pseudo root.</summary>
sealed record MountPoint(string Path, string Source)
{
    /// <summary>Parses <c>/PATH=SOURCE</c>; the first '=' separates.</summary>
    public static MountPoint Parse(string text)
    {
        var at = text.IndexOf('=', StringComparison.Ordinal);
        if (at <= 0 || at == text.Length - 1 || text[0] != '/')
            throw new UsageException($"--mount takes /PATH=SOURCE, e.g. /images/web=oci:web:latest; got '{text}'");
        return new MountPoint(text[..at], text[(at + 1)..]);
    }
}
