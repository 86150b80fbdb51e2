using System.Runtime.CompilerServices;

namespace VirtioFsStore.Backends.Overlay.Tree;

/// <summary>The sections in the order of <see cref="TreeSectionKind"/>.</summary>
[InlineArray(TreeFormat.SectionCount)]
struct TreeSections
{
    TreeSection _first;
}
