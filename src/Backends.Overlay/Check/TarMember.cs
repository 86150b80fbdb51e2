namespace VirtioFsStore.Backends.Overlay.Check;

/// <summary>A member of a layer as GNU tar lists it.</summary>
/// <param name="Path">Relative to the root, without slashes at its ends; empty for the root.</param>
/// <param name="Type">The first letter of <c>tar -tv</c>.</param>
readonly record struct TarMember(byte[] Path, char Type)
{
    public bool IsDirectory => Type == 'd';

    public ReadOnlySpan<byte> Parent => Path.AsSpan(0, Math.Max(Path.AsSpan().LastIndexOf((byte)'/'), 0));

    public ReadOnlySpan<byte> Last => Path.AsSpan(Path.AsSpan().LastIndexOf((byte)'/') + 1);
}
