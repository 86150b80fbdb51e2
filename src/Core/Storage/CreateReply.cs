namespace VirtioFsStore.Core.Storage;

/// <summary>A file that was created (or found) and opened in one step.</summary>
public struct CreateReply
{
    public Entry Entry;
    public OpenReply Open;
}
