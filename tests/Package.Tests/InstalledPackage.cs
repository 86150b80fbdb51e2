namespace VirtioFsStore.Package.Tests;

/// <summary>The package, and a system in which it is installed for tests that only use it.</summary>
public sealed class InstalledPackage : IDisposable
{
    readonly Lazy<CleanRoot> _root;

    public InstalledPackage() => _root = new(Package.Install);

    public PublishedPackage Package { get; } = new();

    internal CleanRoot Root => _root.Value;

    public void Dispose()
    {
        if (_root.IsValueCreated)
            _root.Value.Dispose();
        Package.Dispose();
    }
}
