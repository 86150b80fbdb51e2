using System.Security.Cryptography;
using System.Text;
using VirtioFsStore.Backends.Overlay.Check;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Fuzz;

/// <summary>Files beside a share that nobody in the share may reach: any change of them is found.</summary>
sealed class Canary
{
    readonly string _folder;
    readonly string _before;

    public Canary(string folder)
    {
        _folder = folder;
        Directory.CreateDirectory(Path.Combine(folder, "below"));
        File.WriteAllText(Path.Combine(folder, "secret"), Content("secret"));
        File.WriteAllText(Path.Combine(folder, "below", "file"), Content("below"));
        File.CreateSymbolicLink(Path.Combine(folder, "link"), "secret");
        _before = Describe();
    }

    /// <summary>What the files hold; a reply that has it has leaked.</summary>
    public static ReadOnlySpan<byte> Mark => "this is outside of the share:"u8;

    /// <summary>What has changed, or null.</summary>
    public string? Changes()
    {
        var now = Describe();
        return now == _before ? null : $"outside of the share: before\n{_before}now\n{now}";
    }

    static string Content(string name) => Encoding.UTF8.GetString(Mark) + name;

    string Describe()
    {
        using var folder = new HostFolder(_folder);
        var text = new StringBuilder();
        foreach (var path in (string[])["", "secret", "below", "below/file", "link"])
        {
            using var file = folder.TryOpen(Encoding.UTF8.GetBytes(path), OpenFlags.O_PATH | OpenFlags.O_NOFOLLOW);
            if (file is null)
            {
                text.AppendLine($"{path} is gone");
                continue;
            }
            var status = HostFolder.Stat(file.Value);
            var time = status.ChangeTime;
            text.AppendLine($"{path} {status.Ino} {status.Mode:x} {status.Uid} {status.Gid} {status.LinkCount} {status.Size} {time.Seconds}.{time.Nanoseconds}");
        }
        foreach (var path in Directory.EnumerateFileSystemEntries(_folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
            text.AppendLine(File.Exists(path) ? $"{path} {Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(path)))}" : path);
        return text.ToString();
    }
}
