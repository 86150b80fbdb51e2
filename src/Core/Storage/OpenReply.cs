namespace VirtioFsStore.Core.Storage;

/// <summary>An open file or directory.</summary>
public struct OpenReply
{
    public HandleId Handle;
    public OpenReplyFlags Flags;
}
