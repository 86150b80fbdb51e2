namespace VirtioFsStore.Core.Storage;

/// <summary>What a guest does with a file that is mapped for it.</summary>
public enum MapAccess
{
    Read,
    ReadWrite,
}
