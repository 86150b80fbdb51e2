using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Local.Tests;

public sealed class RenameTests : IDisposable
{
    readonly Share _share = new();

    public void Dispose() => _share.Dispose();

    [Fact]
    public void A_rename_replaces_and_the_replaced_file_lives_on_for_the_guest()
    {
        var a = _share.Create("a").Entry;
        var b = _share.Create("b");
        _share.Write(b.Entry.Node, b.Open.Handle, "replaced");

        Assert.Equal(Errno.None, _share.Rename("a", "b"));

        Assert.Equal(a.Node, _share.Lookup("b").Node);
        Assert.Equal(0u, _share.Attributes(b.Entry.Node).LinkCount);
        Assert.Equal("replaced", _share.Read(b.Entry.Node, b.Open.Handle));
    }

    [Fact]
    public void NOREPLACE_leaves_what_is_there()
    {
        _share.Create("a");
        var b = _share.Create("b").Entry.Node;

        Assert.Equal(Errno.EEXIST, _share.Rename("a", "b", NameOperations.RENAME_NOREPLACE));
        Assert.Equal(b, _share.Lookup("b").Node);
        Assert.Equal(Errno.None, _share.Rename("a", "c", NameOperations.RENAME_NOREPLACE));
    }

    [Fact]
    public void EXCHANGE_swaps_two_names()
    {
        var file = _share.Create("a").Entry.Node;
        var directory = _share.MakeDirectory("b").Node;

        Assert.Equal(Errno.None, _share.Rename("a", "b", NameOperations.RENAME_EXCHANGE));

        Assert.Equal((directory, file), (_share.Lookup("a").Node, _share.Lookup("b").Node));
    }

    [RootFact]
    public void WHITEOUT_leaves_a_whiteout_behind()
    {
        var file = _share.Create("a").Entry.Node;

        Assert.Equal(Errno.None, _share.Rename("a", "b", NameOperations.RENAME_WHITEOUT));

        var whiteout = _share.Lookup("a").Attributes;
        Assert.Equal((StatMode.CharacterDevice, 0u, 0u), (whiteout.Mode & StatMode.TypeMask, whiteout.DeviceMajor, whiteout.DeviceMinor));
        Assert.Equal(file, _share.Lookup("b").Node);
    }

    [Fact]
    public void A_directory_cannot_move_into_itself()
    {
        var outer = _share.MakeDirectory("outer").Node;

        Assert.Equal(Errno.EINVAL, _share.Rename("outer", "inner", newParent: outer));
    }
}
