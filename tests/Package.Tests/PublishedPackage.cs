using System.Reflection;
using VirtioFsStore.Driver.Hosting;

namespace VirtioFsStore.Package.Tests;

/// <summary>What <c>eng/publish</c> makes, made once for all tests.</summary>
public sealed class PublishedPackage : IDisposable
{
    // It compiles the program and all that it needs, which takes a minute of a processor.
    static readonly TimeSpan s_limit = TimeSpan.FromMinutes(7);

    readonly TemporaryDirectory _directory = new();
    readonly Lazy<string> _file;

    public PublishedPackage() => _file = new(() =>
    {
        Command.Run(s_limit, Path.Combine(Repository, "eng/publish"), "--output", _directory.Path);
        return Assert.Single(Directory.GetFiles(_directory.Path, "*.deb"));
    });

    public static string Repository => Metadata("Repository");

    public static string Version => Metadata("Version");

    /// <summary>The path of the .deb.</summary>
    public string File => _file.Value;

    /// <summary>A clean system with the package in it.</summary>
    internal CleanRoot Install()
    {
        var root = new CleanRoot();
        try
        {
            root.Run("dpkg", "--install", root.Share(File));
            return root;
        }
        catch
        {
            root.Dispose();
            throw;
        }
    }

    public void Dispose() => _directory.Dispose();

    static string Metadata(string key) =>
        typeof(PublishedPackage).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == key).Value!;
}
