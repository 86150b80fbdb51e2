using System.Runtime.CompilerServices;

namespace VirtioFsStore.Driver.Fuse.Wire;

/// <summary>The reserved tail of struct fuse_statx (linux/fuse.h): 14 words.</summary>
[InlineArray(14)]
public struct FuseStatxSpare
{
    ulong _first;
}
