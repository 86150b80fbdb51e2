using VirtioFsStore.Backends.Local.Translation;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Local.Tests.Translation;

/// <summary>A share whose users and groups have other ids in the guest.</summary>
public sealed class TranslatedIdTests : IDisposable
{
    readonly Share _share = new(options => options with
    {
        Users = IdTranslation.Parse(["map:1000:5000:10", "forbid-guest:2000:10", "squash-host:6000:77:10"]),
        Groups = IdTranslation.Parse(["map:1000:6000:10", "forbid-guest:2000:10"]),
    });

    readonly Share _host;

    public TranslatedIdTests() => _host = new Share(_share.Path, options => options);

    public void Dispose()
    {
        _host.Dispose();
        _share.Dispose();
    }

    [RootFact]
    public void What_a_caller_makes_is_the_host_s_counterpart_s_and_shown_as_the_caller_s()
    {
        _share.As(1001, 1002);

        var made = _share.MakeOneOfEach();

        Assert.All(made, entry => Assert.Equal((1001u, 1002u), (entry.Attributes.Uid, entry.Attributes.Gid)));
        Assert.All(made, entry => Assert.Equal(1001u, _share.Attributes(entry.Node).Uid));
        Assert.All(["file", "directory", "link", "fifo"], name => Assert.Equal((5001u, 6002u), Owner(name)));
    }

    [RootFact]
    public void A_forbidden_caller_makes_nothing()
    {
        Assert.Equal(Errno.EPERM, _share.As(2000, 0).TryCreate("user").Error);
        Assert.Equal(Errno.EPERM, _share.As(0, 2009).TryCreate("group").Error);
        Assert.Equal(Errno.EPERM, _share.As(1000, 0, supplementaryGroup: 2000).TryCreate("supplementary").Error);
        Assert.Equal(Errno.EACCES, _share.As(2000, 0).FileSystem.AccessAsync(_share.Request, Share.Root, 4).Now());

        Assert.Empty(Directory.GetFileSystemEntries(_share.Path));
    }

    [RootFact]
    public void An_owner_is_set_by_the_guest_s_ids()
    {
        var node = _share.Create("file").Entry.Node;

        var changed = _share.Set(node, new SetAttributes { Valid = SetAttributesValid.Uid | SetAttributesValid.Gid, Uid = 1003, Gid = 1004 });

        Assert.Equal((1003u, 1004u), (changed.Uid, changed.Gid));
        Assert.Equal((5003u, 6004u), Owner("file"));
        Assert.Equal(Errno.EPERM, _share.TrySet(node, new SetAttributes { Valid = SetAttributesValid.Uid, Uid = 2005 }).Error);
        Assert.Equal(Errno.EPERM, _share.TrySet(node, new SetAttributes { Valid = SetAttributesValid.Gid, Gid = 2005 }).Error);
        Assert.Equal((5003u, 6004u), Owner("file"));
    }

    [RootFact]
    public void Owners_of_the_host_are_squashed_in_every_answer()
    {
        File.WriteAllText(_host.Host("file"), "");
        _host.Set(_host.Lookup("file").Node, new SetAttributes { Valid = SetAttributesValid.Uid, Uid = 6005 });

        var entry = _share.Lookup("file");

        Assert.Equal(77u, entry.Attributes.Uid);
        Assert.Equal(77u, _share.Attributes(entry.Node).Uid);
        Assert.Equal(77u, _share.Attributes(entry.Node, _share.Open(entry.Node)).Uid);
        var listing = new Listing(plus: true);
        Assert.Equal(Errno.None, _share.List(Share.Root, _share.OpenDirectory(Share.Root), 0, listing));
        Assert.Equal(77u, listing.Entries["file"].Attributes.Uid);
    }

    [RootFact]
    public void A_supplementary_group_is_translated_too()
    {
        var directory = _host.MakeDirectory("setgid").Node;
        _host.Set(directory, new SetAttributes { Valid = SetAttributesValid.Gid, Gid = 6003 });
        _host.Set(directory, new SetAttributes { Valid = SetAttributesValid.Mode, Mode = 0x5FF });
        var parent = _share.Lookup("setgid").Node;

        var made = _share.As(1000, 1000, supplementaryGroup: 1003).Create("file", mode: 0x5ED, parent: parent).Entry.Attributes;

        Assert.Equal(0x5EDu, made.Mode & 0xFFF);
        Assert.Equal(1003u, made.Gid);
    }

    (uint User, uint Group) Owner(string name)
    {
        var attributes = _host.Lookup(name).Attributes;
        return (attributes.Uid, attributes.Gid);
    }
}
