namespace VirtioFsStore.Package.Tests;

/// <summary>The package is built once, and installed once for those who only use it.</summary>
[CollectionDefinition(Name)]
public sealed class PackageCollection : ICollectionFixture<InstalledPackage>
{
    public const string Name = "package";
}
