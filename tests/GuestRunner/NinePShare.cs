namespace VirtioFsStore.GuestRunner;

/// <summary>A directory that QEMU serves over 9P (virtio-9p), as the guest's kernel knows it: by its tag.</summary>
/// <param name="Tag">At most 31 bytes.</param>
/// <param name="Directory">On this host; QEMU's user owns what the guest creates.</param>
public sealed record NinePShare(string Tag, string Directory);
