using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Benchmarks.Trees;

/// <summary>The directory that is served: small files with an attribute each, links, one large file, and a place to make files in.</summary>
static unsafe class SampleTree
{
    public const int FileSize = 4096;
    public const long LargeSize = 256L << 20;
    public const string LargeName = "large";
    public const string ScratchName = "scratch";
    public const int FilesPerDirectory = 100;
    public const int LinkCount = 1000;

    /// <summary>With its NUL.</summary>
    public static ReadOnlySpan<byte> AttributeName => "user.bench\0"u8;

    public static void Create(string path, int files)
    {
        var content = new byte[FileSize];
        var random = new Random(1);
        for (var i = 0; i < files; i++)
        {
            if (i % FilesPerDirectory == 0)
                Directory.CreateDirectory(Path.Combine(path, DirectoryName(i)));
            random.NextBytes(content);
            var file = Path.Combine(path, DirectoryName(i), FileName(i));
            File.WriteAllBytes(file, content);
            SetAttribute(file);
        }
        Directory.CreateDirectory(Path.Combine(path, "links"));
        for (var i = 0; i < LinkCount; i++)
            File.CreateSymbolicLink(Path.Combine(path, "links", $"link-{i:D4}"), $"../{DirectoryName(i)}/{FileName(i)}");
        Directory.CreateDirectory(Path.Combine(path, ScratchName));
        CreateLarge(Path.Combine(path, LargeName));
    }

    public static string DirectoryName(int file) => $"directory-{file / FilesPerDirectory:D4}";

    public static string FileName(int file) => $"file-{file:D6}.dat";

    static void CreateLarge(string path)
    {
        using var file = File.Create(path);
        var piece = new byte[1 << 20];
        new Random(2).NextBytes(piece);
        for (var i = 0; i < LargeSize / piece.Length; i++)
            file.Write(piece);
        // What is dirty at the start would be written out in the middle of the first rows.
        file.Flush(flushToDisk: true);
    }

    static void SetAttribute(string path)
    {
        var value = "a value of some length"u8;
        fixed (byte* file = Utf8Path.Encode(path))
        fixed (byte* name = AttributeName)
        fixed (byte* bytes = value)
            SystemCallException.ThrowIfError(ExtendedAttributes.Set(file, name, bytes, (nuint)value.Length, 0), "setxattr", path);
    }
}
