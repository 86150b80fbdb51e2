namespace VirtioFsStore.Driver.Queues;

/// <summary>VIRTQ_DESC_F_* (virtio 1.2, 2.7.5).</summary>
[Flags]
public enum DescriptorFlags : ushort
{
    None = 0,
    Next = 1,
    Write = 2,
    Indirect = 4,
}
