using VirtioFsStore.Backends.Overlay.Store;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Daemon.Sandboxing;

namespace VirtioFsStore.Daemon.Images;

/// <summary>Which store a command works with.</summary>
static class Stores
{
    public static string PathOf(string? named) =>
        named ?? StoreDirectory.DefaultPath(ProcessIdentity.EffectiveUid == 0 && !UserNamespace.IsInside, Environment.GetEnvironmentVariable);

    /// <summary>The store, which is made if it is missing.</summary>
    public static StoreDirectory Open(string? named) => StoreDirectory.Open(PathOf(named));

    /// <summary>The store if there is one: for commands that only look.</summary>
    public static StoreDirectory? OpenExisting(string? named) => Directory.Exists(PathOf(named)) ? Open(named) : null;
}
