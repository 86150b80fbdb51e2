using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>A system call by name, and its number on each architecture; a null where that one never had it.</summary>
public sealed record SystemCall(string Name, int? X64, int? Arm64)
{
    /// <summary>On the machine that runs this. For calls that both architectures have.</summary>
    public nint Number => On(RuntimeInformation.ProcessArchitecture) ?? throw new PlatformNotSupportedException($"{Name} is no system call here.");

    public int? On(Architecture architecture) => architecture == Architecture.Arm64 ? Arm64 : X64;
}
