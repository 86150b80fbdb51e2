using System.Runtime.CompilerServices;

namespace VirtioFsStore.Core.Fuse.Abi;

/// <summary>The 14 reserved words at the end of struct fuse_statx.</summary>
[InlineArray(14)]
public struct StatxSpare
{
    ulong _first;
}
