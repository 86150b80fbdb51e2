namespace VirtioFsStore.Backends.ObjectStore.Sources.Registry;

/// <summary>What a request does to a repository; tokens are for one of these.</summary>
enum RegistryAction
{
    Pull,
    Push,
    Delete,
}
