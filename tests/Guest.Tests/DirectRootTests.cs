namespace VirtioFsStore.Guest.Tests;

/// <summary>A directory of the host as the root that a kernel mounts by itself.</summary>
public sealed class DirectRootTests(DirectRootBoot boot) : GuestBootTests<DirectRootBoot>(boot);
