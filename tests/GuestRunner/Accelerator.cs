namespace VirtioFsStore.GuestRunner;

/// <summary>How QEMU runs the guest's instructions.</summary>
public enum Accelerator
{
    /// <summary>KVM where a guest has been seen to boot with it, else TCG.</summary>
    Auto,
    Kvm,
    Tcg,
}
