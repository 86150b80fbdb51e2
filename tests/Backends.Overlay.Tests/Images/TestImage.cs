using VirtioFsStore.Backends.Overlay.Images;
using VirtioFsStore.Backends.Overlay.Tests.Merge;
using VirtioFsStore.Backends.Overlay.Tests.Tree;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Overlay.Tests.Images;

/// <summary>Layers in memory, served.</summary>
sealed class TestImage : IDisposable
{
    readonly TestTree _tree;

    public TestImage(params TestLayer[] layers)
        : this(ulong.MaxValue, layers)
    {
    }

    public TestImage(ulong daxMinimum, params TestLayer[] layers)
    {
        _tree = new TestTree(layers);
        Contents = [.. layers.Select((layer, i) => new TestContent($"{_tree.FilePath}.data{i}", layer))];
        FileSystem = new ImageFileSystem(_tree.Open(), [.. Contents]) { DaxMinimum = daxMinimum };
    }

    public TestContent[] Contents { get; }

    public ImageFileSystem FileSystem { get; }

    public TestRequest Request { get; } = new();

    public Entry Find(string path)
    {
        var entry = new Entry { Node = NodeId.Root };
        foreach (var name in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
            entry = Now(FileSystem.LookupAsync(Request.Named(TestEntry.Bytes(name)), entry.Node)).Value;
        return entry;
    }

    public NodeId NodeAt(string path) => Find(path).Node;

    public static Reply<T> Now<T>(ValueTask<Reply<T>> operation)
        where T : struct
    {
        Xunit.Assert.True(operation.IsCompletedSuccessfully, "the operation waits");
        return operation.GetAwaiter().GetResult();
    }

    public static Errno Now(ValueTask<Errno> operation)
    {
        Xunit.Assert.True(operation.IsCompletedSuccessfully, "the operation waits");
        return operation.GetAwaiter().GetResult();
    }

    public void Dispose()
    {
        FileSystem.DisposeAsync().AsTask().GetAwaiter().GetResult();
        Request.Dispose();
        _tree.Dispose();
    }
}
