namespace VirtioFsStore.Backends.ObjectStore.Cache;

/// <summary>The pieces before and after one, which may share a page with it.</summary>
readonly record struct Neighbours(Piece? Before, Piece? After)
{
    public static Neighbours In(Piece[] pieces, int index) =>
        new(index > 0 ? pieces[index - 1] : null, index + 1 < pieces.Length ? pieces[index + 1] : null);
}
