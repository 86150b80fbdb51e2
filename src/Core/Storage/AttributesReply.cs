namespace VirtioFsStore.Core.Storage;

/// <summary>Attributes and for how long they hold.</summary>
public struct AttributesReply
{
    public NodeAttributes Attributes;
    public Validity Validity;
}
