using VirtioFsStore.Core.DevFuse;
using Xunit;

namespace VirtioFsStore.Core.Tests.DevFuse;

/// <summary>The kernel's table of mounts.</summary>
public sealed class MountInfoTests
{
    [Fact]
    public void The_root_is_found_in_the_real_table() => Assert.Equal("/", MountInfo.At("/")?.MountPoint);

    [Fact]
    public void A_directory_lies_on_the_mount_that_holds_it()
    {
        using var target = MountTarget.Open("/proc/self");

        Assert.Equal("proc", target.Mount?.Type);
        Assert.Equal("/proc", target.Mount?.MountPoint);
    }

    [Theory]
    [InlineData(@"36 35 98:0 /mnt1 /mnt\0402 rw,noatime master:1 shared:7 - ext4 /dev/my\134root rw", 36, "98:0", "/mnt 2", "ext4", @"/dev/my\root")]
    [InlineData(@"81 67 0:46 / /m rw - fuse.virtiofs-store oci:/i\043x:latest rw,user_id=0", 81, "0:46", "/m", "fuse.virtiofs-store", "oci:/i#x:latest")]
    public void A_line_is_taken_apart_whatever_optional_fields_it_has(string line, int id, string device, string mountPoint, string type, string source) =>
        Assert.Equal(new MountInfo(id, device, mountPoint, type, source), MountInfo.Parse(line));

    [Theory]
    [InlineData("")]
    [InlineData("36 35 98:0 / /mnt rw")]
    [InlineData("36 35 98:0 / /mnt rw -")]
    [InlineData("x 35 98:0 / /mnt rw - ext4 /dev/root rw")]
    public void What_is_no_such_line_is_passed_over(string line) => Assert.Null(MountInfo.Parse(line));
}
