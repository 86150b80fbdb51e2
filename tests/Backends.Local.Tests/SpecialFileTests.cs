using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Local.Tests;

/// <summary>What is neither file nor directory: served as an inode, never opened.</summary>
public sealed class SpecialFileTests : IDisposable
{
    readonly Share _share = new();

    public void Dispose() => _share.Dispose();

    [RootFact]
    public void Special_files_are_made_and_never_opened()
    {
        // Opening the FIFO would wait for a writer for ever; opening the device would be the host's /dev/zero (CVE-2020-35517).
        uint[] types = [StatMode.Fifo, StatMode.Socket, StatMode.CharacterDevice, StatMode.BlockDevice];
        foreach (var type in types)
        {
            var entry = _share.TryMakeNode($"{type}", type | 0x1B6, 1, 5).Value;

            Assert.Equal(type, entry.Attributes.Mode & StatMode.TypeMask);
            if (StatMode.IsDevice(type))
                Assert.Equal((1u, 5u), (entry.Attributes.DeviceMajor, entry.Attributes.DeviceMinor));
            Assert.Equal(Errno.EACCES, _share.TryOpen(entry.Node, Share.RDWR).Error);
            Assert.Equal(Errno.EACCES, _share.TryCreate($"{type}").Error);
            Assert.Equal(Errno.ENOTDIR, _share.FileSystem.OpenDirectoryAsync(_share.Request, entry.Node, 0).Now().Error);
            Assert.Equal(Errno.EINVAL, _share.TrySet(entry.Node, new SetAttributes { Valid = SetAttributesValid.Size }).Error);
        }
    }

    [RootFact]
    public void Large_device_numbers_survive()
    {
        var entry = _share.TryMakeNode("device", StatMode.CharacterDevice | 0x1A4, 0xABC, 0x12345).Value;

        Assert.Equal((0xABCu, 0x12345u), (entry.Attributes.DeviceMajor, entry.Attributes.DeviceMinor));
    }

    [Fact]
    public void A_directory_is_not_opened_as_a_file()
    {
        var node = _share.MakeDirectory("directory").Node;

        Assert.Equal(Errno.EISDIR, _share.TryOpen(node).Error);
        Assert.Equal(Errno.EISDIR, _share.TryCreate("directory").Error);
        Assert.Equal(Errno.EISDIR, _share.TrySet(node, new SetAttributes { Valid = SetAttributesValid.Size }).Error);
    }

    [Fact]
    public void Flags_that_would_make_another_kind_of_descriptor_are_dropped()
    {
        File.WriteAllText(_share.Host("file"), "content");
        var node = _share.Lookup("file").Node;

        var handle = _share.Open(node, OpenFlags.O_PATH | OpenFlags.O_DIRECTORY | OpenFlags.O_CREAT | OpenFlags.O_EXCL);

        Assert.Equal("content", _share.Read(node, handle));
    }

    [RootFact]
    public void Owner_and_times_of_a_link_are_the_links_own()
    {
        File.WriteAllText(_share.Host("target"), "");
        var target = _share.Lookup("target").Node;
        var before = _share.Attributes(target);
        var link = _share.SymbolicLink("link", "target").Node;

        var attributes = _share.Set(link, new SetAttributes
        {
            Valid = SetAttributesValid.Uid | SetAttributesValid.Gid | SetAttributesValid.AccessTime | SetAttributesValid.ModifyTime,
            Uid = 1000, Gid = 1001, AccessTime = new Timestamp(10, 1), ModifyTime = new Timestamp(20, 2),
        });

        Assert.Equal((1000u, 1001u), (attributes.Uid, attributes.Gid));
        Assert.Equal((new Timestamp(10, 1), new Timestamp(20, 2)), (attributes.AccessTime, attributes.ModifyTime));
        Assert.Equal(before.Uid, _share.Attributes(target).Uid);
        Assert.Equal(before.ModifyTime, _share.Attributes(target).ModifyTime);
    }

    [Fact]
    public void The_mode_of_a_link_cannot_be_changed_and_its_target_stays()
    {
        File.WriteAllText(_share.Host("target"), "");
        var link = _share.SymbolicLink("link", "target").Node;
        var before = _share.Attributes(_share.Lookup("target").Node).Mode;

        Assert.Equal(Errno.EOPNOTSUPP, _share.TrySet(link, new SetAttributes { Valid = SetAttributesValid.Mode, Mode = 0x1FF }).Error);

        Assert.Equal(before, _share.Attributes(_share.Lookup("target").Node).Mode);
    }

    [Fact]
    public void A_link_to_a_link_is_the_link_itself()
    {
        File.WriteAllText(_share.Host("target"), "");
        var link = _share.SymbolicLink("link", "target").Node;

        var second = _share.TryLink(link, "second").Value;

        Assert.Equal(link, second.Node);
        Assert.Equal("target", _share.ReadLink(second.Node));
    }
}
