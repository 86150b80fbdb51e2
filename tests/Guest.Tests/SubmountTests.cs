namespace VirtioFsStore.Guest.Tests;

/// <summary>What a guest sees of file systems that are mounted in a share, and what it says of them.</summary>
public sealed class SubmountTests(SubmountBoot boot) : GuestBootTests<SubmountBoot>(boot);
