namespace VirtioFsStore.Core.Storage;

/// <summary>copy_file_range(2): from one open file to another, in bytes.</summary>
public struct CopyRange
{
    public NodeId SourceNode;
    public HandleId SourceHandle;
    public ulong SourceOffset;
    public NodeId TargetNode;
    public HandleId TargetHandle;
    public ulong TargetOffset;
    public ulong Length;
    public ulong Flags;
}
