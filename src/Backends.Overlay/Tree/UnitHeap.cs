using VirtioFsStore.Backends.Overlay.Merge;
using VirtioFsStore.Backends.Overlay.Oci;

namespace VirtioFsStore.Backends.Overlay.Tree;

/// <summary>A section that is referred to in units of <see cref="TreeFormat.ReferenceUnit"/>; reference 0 is none.</summary>
sealed class UnitHeap(string what, MergeBudget budget)
{
    byte[] _buffer = new byte[TreeFormat.ReferenceUnit];
    int _length = TreeFormat.ReferenceUnit;

    public ReadOnlySpan<byte> All => _buffer.AsSpan(0, _length);

    /// <summary>Room for <paramref name="size"/> bytes, zeroed; valid until the next call.</summary>
    public Span<byte> Reserve(long size, out uint reference)
    {
        var end = _length + ((size + TreeFormat.ReferenceUnit - 1) & -TreeFormat.ReferenceUnit);
        if (end > Array.MaxLength)
            throw new ImageException($"the image is too large: its {what} take more than {Array.MaxLength} bytes");
        if (end > _buffer.Length)
            budget.Grow(ref _buffer, end);
        reference = (uint)(_length / TreeFormat.ReferenceUnit);
        var room = _buffer.AsSpan(_length, (int)size);
        _length = (int)end;
        return room;
    }
}
