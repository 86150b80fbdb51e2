namespace VirtioFsStore.Core.Interop;

/// <summary>A thread's capabilities as bit sets (linux/capability.h numbers).</summary>
public readonly record struct CapabilitySets(ulong Effective, ulong Permitted, ulong Inheritable)
{
    public bool Has(int capability) => (Effective & (1UL << capability)) != 0;
}
