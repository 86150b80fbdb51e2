using VirtioFsStore.Fuzz.Targets;

namespace VirtioFsStore.Fuzz;

/// <summary>All targets, by name.</summary>
public static class FuzzTargets
{
    static readonly Dictionary<string, Func<FuzzTarget>> s_all = new()
    {
        ["fuse-directory"] = FuseTarget.OfDirectory,
        ["fuse-image"] = FuseTarget.OfImage,
        ["fuse-mounts"] = FuseTarget.OfBoth,
        ["rings"] = () => new RingTarget(),
        ["vhost-user"] = () => new VhostUserTarget(),
        ["layers"] = () => new LayerTarget(),
        ["documents"] = () => new DocumentTarget(),
        ["indexes"] = () => new IndexTarget(),
        ["compression"] = () => new CompressionTarget(),
        ["store"] = () => new StoreTarget(),
        ["differential"] = () => new DifferentialTarget(),
    };

    public static IReadOnlyCollection<string> Names => s_all.Keys;

    public static FuzzTarget? Create(string name) => s_all.TryGetValue(name, out var create) ? create() : null;
}
