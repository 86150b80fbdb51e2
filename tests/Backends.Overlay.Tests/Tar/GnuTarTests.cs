using System.Diagnostics;
using System.Text;
using VirtioFsStore.Backends.Overlay.Tar;
using Xunit;

namespace VirtioFsStore.Backends.Overlay.Tests.Tar;

/// <summary>Archives of the real GNU tar, in each of its formats.</summary>
public sealed class GnuTarTests : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("vfs-gnutar").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    static byte[] Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        using var output = new MemoryStream();
        process.StandardOutput.BaseStream.CopyTo(output);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
        return output.ToArray();
    }

    [Theory]
    [InlineData("v7", "")]
    [InlineData("ustar", "")]
    [InlineData("oldgnu", "--sparse")]
    [InlineData("gnu", "--sparse")]
    [InlineData("gnu", "")]
    [InlineData("pax", "")]
    [InlineData("pax", "--sparse --sparse-version=0.0")]
    [InlineData("pax", "--sparse --sparse-version=0.1")]
    [InlineData("pax", "--sparse --sparse-version=1.0")]
    public void What_gnu_tar_writes_is_read_as_it_was(string format, string options)
    {
        var source = Path.Combine(_folder, "src");
        Directory.CreateDirectory(Path.Combine(source, "sub"));
        var sparse = new byte[900_000];
        "begin"u8.CopyTo(sparse);
        for (var i = 1; i < 8; i++) sparse[i * 100_000] = (byte)i;
        using (var file = File.OpenHandle(Path.Combine(source, "sparse"), FileMode.Create, FileAccess.Write))
        {
            RandomAccess.SetLength(file, sparse.Length);
            for (var i = 0; i < 8; i++) RandomAccess.Write(file, sparse.AsSpan(i * 100_000, 5), i * 100_000);
        }

        File.WriteAllText(Path.Combine(source, "sub", "text"), "text");
        File.WriteAllText(Path.Combine(source, "empty"), "");
        File.CreateSymbolicLink(Path.Combine(source, "link"), "sub/text");
        Run("ln", Path.Combine(source, "sub", "text"), Path.Combine(source, "zhard"));
        if (format != "v7") Run("mkfifo", Path.Combine(source, "fifo"));
        Run("touch", "-d", "2001-02-03 04:05:06.123456789 UTC", Path.Combine(source, "sub", "text"));
        if (format is not ("v7" or "ustar"))
        {
            Run("touch", "-d", "1969-12-31 23:59:58 UTC", Path.Combine(source, "empty"));
            File.WriteAllText(Path.Combine(source, new string('l', 250)), "long");
            File.CreateSymbolicLink(Path.Combine(source, "longlink"), new string('t', 500));
        }

        var members = TarListing.Parse(Run("tar", [
            "-C", source, "--sort=name", $"--format={format}", "--numeric-owner", .. options.Split(' ', StringSplitOptions.RemoveEmptyEntries), "-cf", "-", "."]), 4000)
            .ToDictionary(member => Encoding.Latin1.GetString(TarPath.Normalize(Encoding.Latin1.GetBytes(member.Path), out _)!));

        Assert.Equal(TarEntryType.Directory, members[""].Type);
        Assert.True(members["sparse"].Content.AsSpan().SequenceEqual(sparse));
        Assert.Equal(options.Length > 0, members["sparse"].Extents is not null);
        Assert.Equal(("text", 981173106L), (members["sub/text"].Text, members["sub/text"].Mtime));
        Assert.Equal(format == "pax" ? 123456789u : 0, members["sub/text"].Nanoseconds);
        Assert.Equal((TarEntryType.HardLink, "./sub/text"), (members["zhard"].Type, members["zhard"].Link));
        Assert.Equal((TarEntryType.Symlink, "sub/text"), (members["link"].Type, members["link"].Link));
        if (format != "v7") Assert.Equal(TarEntryType.Fifo, members["fifo"].Type);
        if (format is "v7" or "ustar") return;
        Assert.Equal(-2, members["empty"].Mtime);
        Assert.Equal("long", members[new string('l', 250)].Text);
        Assert.Equal(new string('t', 500), members["longlink"].Link);
    }
}
