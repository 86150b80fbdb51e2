namespace VirtioFsStore.Guest.Tests;

/// <summary>A share under QEMU 7.2, whose vhost-user differs in features and order of messages.</summary>
public sealed class OldQemuTests(OldQemuBoot boot) : GuestBootTests<OldQemuBoot>(boot);
