namespace VirtioFsStore.Core.Dax;

/// <summary>What a VMM maps. vhost-user asks it of all; QEMU 11.1 does neither.</summary>
[Flags]
enum WindowTerms
{
    None = 0,

    /// <summary>What is open for reading only.</summary>
    ReadOnly = 1,

    /// <summary>What lies wholly behind a file's end, where the guest sees what it grows by.</summary>
    BehindEnd = 2,
}
