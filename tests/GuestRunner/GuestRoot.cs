namespace VirtioFsStore.GuestRunner;

/// <summary>The kind of root, and the tag of the virtio-fs behind it where there is one.</summary>
public readonly record struct GuestRoot(GuestRootKind Kind, string? Tag)
{
    public static GuestRoot Initramfs => default;

    public static GuestRoot Overlay(string tag) => new(GuestRootKind.Overlay, tag);

    public static GuestRoot Direct(string tag) => new(GuestRootKind.Direct, tag);
}
