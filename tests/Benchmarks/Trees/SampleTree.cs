using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Benchmarks.Trees;

/// <summary>What is served: small files with an attribute each, links, one large file, and a place to make files in.</summary>
static unsafe class SampleTree
{
    public const int FileSize = 4096;
    public const long LargeSize = 256L << 20;
    public const string LargeName = "large";
    public const string ScratchName = "scratch";
    public const string LinkDirectory = "links";
    public const int FilesPerDirectory = 100;
    public const int LinkCount = 1000;

    /// <summary>The large file is written in such pieces, all alike.</summary>
    public const int LargePiece = 1 << 20;

    /// <summary>With its NUL.</summary>
    public static ReadOnlySpan<byte> AttributeName => "user.bench\0"u8;

    public const string AttributeValue = "a value of some length";

    /// <summary>Makes the tree in a new directory.</summary>
    public static void Create(string path, int files, long largeSize = LargeSize)
    {
        var content = new byte[FileSize];
        for (var i = 0; i < files; i++)
        {
            if (i % FilesPerDirectory == 0)
                Directory.CreateDirectory(Path.Combine(path, DirectoryName(i)));
            Fill(content, i);
            var file = Path.Combine(path, FilePath(i));
            File.WriteAllBytes(file, content);
            SetAttribute(file);
        }
        Directory.CreateDirectory(Path.Combine(path, LinkDirectory));
        for (var i = 0; i < Math.Min(files, LinkCount); i++)
            File.CreateSymbolicLink(Path.Combine(path, LinkPath(i)), LinkTarget(i));
        Directory.CreateDirectory(Path.Combine(path, ScratchName));
        CreateLarge(Path.Combine(path, LargeName), largeSize);
    }

    public static string DirectoryName(int file) => $"directory-{file / FilesPerDirectory:D4}";

    public static string FilePath(int file) => $"{DirectoryName(file)}/file-{file:D6}.dat";

    public static string LinkPath(int link) => $"{LinkDirectory}/link-{link:D4}";

    public static string LinkTarget(int link) => $"../{FilePath(link)}";

    /// <summary>A file's content, or a piece of the large file's.</summary>
    public static void Fill(Span<byte> content, int file) => new Random(file).NextBytes(content);

    static void CreateLarge(string path, long size)
    {
        using var file = File.Create(path);
        var piece = new byte[LargePiece];
        Fill(piece, 0);
        for (var i = 0; i < size / piece.Length; i++)
            file.Write(piece);
        // What is dirty at the start would be written out in the middle of the first rows.
        file.Flush(flushToDisk: true);
    }

    static void SetAttribute(string path)
    {
        fixed (byte* file = Utf8Path.Encode(path))
        fixed (byte* name = AttributeName)
        fixed (byte* value = Utf8Path.Encode(AttributeValue))
            SystemCallException.ThrowIfError(ExtendedAttributes.Set(file, name, value, (nuint)AttributeValue.Length, 0), "setxattr", path);
    }
}
