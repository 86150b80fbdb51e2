using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>Who this process is.</summary>
public static partial class ProcessIdentity
{
    public static uint EffectiveUid => geteuid();

    public static uint EffectiveGid => getegid();

    [LibraryImport("libc")]
    private static partial uint geteuid();

    [LibraryImport("libc")]
    private static partial uint getegid();
}
