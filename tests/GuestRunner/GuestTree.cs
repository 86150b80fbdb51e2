using System.Text;

namespace VirtioFsStore.GuestRunner;

/// <summary>
/// The files that a guest starts from: busybox, /init and what it reads. They become an initramfs, or lie in a directory
/// that is the guest's root.
/// </summary>
public sealed class GuestTree
{
    const UnixFileMode Executable =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    const UnixFileMode Plain =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    readonly SortedDictionary<string, Entry> _entries = new(StringComparer.Ordinal);

    enum Kind
    {
        Directory,
        File,
        Link,
    }

    /// <summary>The tree for <paramref name="options"/>.</summary>
    public static GuestTree For(GuestOptions options, RealParts parts)
    {
        var tree = new GuestTree();
        if (options.Tools)
        {
            tree.AddTree(parts.GuestTools);
        }
        else
        {
            tree.AddFile("bin/busybox", parts.BusyBox, Executable);
            tree.AddLink("bin/sh", "busybox");
        }

        foreach (var directory in (string[])["dev", "proc", "sys", "tmp", "mnt", "root"])
        {
            tree.AddDirectory(directory);
        }

        if (options.OverlayModule || options.Root.Kind == GuestRootKind.Overlay)
        {
            tree.AddFile("overlay.ko", parts.OverlayModule, Plain);
        }

        foreach (var module in options.Modules)
        {
            tree.AddFile(Path.GetFileName(module), module, Plain);
        }

        tree.AddText("init", GuestInit.For(options), Executable);
        tree.AddText("script", options.Shell ? "exec /bin/sh -l" : options.Script, Plain);
        return tree;
    }

    /// <summary>Writes the tree as an initramfs.</summary>
    public void WriteCpio(Stream stream)
    {
        using var writer = new CpioWriter(stream);
        foreach (var (path, entry) in _entries)
        {
            switch (entry.Kind)
            {
                case Kind.Directory:
                    writer.AddDirectory(path, Executable);
                    break;
                case Kind.Link:
                    writer.AddLink(path, Encoding.UTF8.GetBytes(entry.Target!));
                    break;
                default:
                    writer.AddFile(path, entry.Mode, entry.Content ?? File.ReadAllBytes(entry.Source!));
                    break;
            }
        }
    }

    /// <summary>Writes the tree into an existing directory.</summary>
    public void WriteTo(string directory)
    {
        foreach (var (path, entry) in _entries)
        {
            var target = Path.Combine(directory, path);
            switch (entry.Kind)
            {
                case Kind.Directory:
                    Directory.CreateDirectory(target);
                    break;
                case Kind.Link:
                    File.CreateSymbolicLink(target, entry.Target!);
                    break;
                default:
                    File.WriteAllBytes(target, entry.Content ?? File.ReadAllBytes(entry.Source!));
                    File.SetUnixFileMode(target, entry.Mode);
                    break;
            }
        }
    }

    void AddDirectory(string path)
    {
        if (_entries.TryAdd(path, new(Kind.Directory)) && Path.GetDirectoryName(path) is { Length: > 0 } parent)
        {
            AddDirectory(parent);
        }
    }

    void AddFile(string path, string source, UnixFileMode mode) => Add(path, new(Kind.File, mode, Source: source));

    void AddText(string path, string text, UnixFileMode mode) => Add(path, new(Kind.File, mode, Content: Encoding.UTF8.GetBytes(text)));

    void AddLink(string path, string target) => Add(path, new(Kind.Link, Target: target));

    void Add(string path, Entry entry)
    {
        _entries[path] = entry;
        if (Path.GetDirectoryName(path) is { Length: > 0 } parent)
        {
            AddDirectory(parent);
        }
    }

    void AddTree(string root)
    {
        foreach (var info in new DirectoryInfo(root).EnumerateFileSystemInfos("*", EnumerateRecursively()))
        {
            var path = Path.GetRelativePath(root, info.FullName);
            if (info.LinkTarget is { } target)
            {
                AddLink(path, target);
            }
            else if (info is DirectoryInfo)
            {
                AddDirectory(path);
            }
            else
            {
                AddFile(path, info.FullName, info.UnixFileMode);
            }
        }
    }

    // Links to directories are listed but not entered.
    static EnumerationOptions EnumerateRecursively() =>
        new() { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.None, IgnoreInaccessible = false };

    sealed record Entry(Kind Kind, UnixFileMode Mode = default, string? Source = null, byte[]? Content = null, string? Target = null);
}
