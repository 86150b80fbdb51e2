using System.Text;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.Memory;
using VirtioFsStore.Driver.Queues;
using VirtioFsStore.Driver.Vmm;
using Xunit;

namespace VirtioFsStore.Core.Tests.Integration;

/// <summary>The Driver against virtiofsd: shows that the Driver speaks as VMMs and guests do.</summary>
public sealed class PeerTests : IDisposable
{
    readonly TemporaryDirectory _directory = new();

    string Share => Directory.CreateDirectory(_directory["share"]).FullName;

    string Socket => _directory["vfs.sock"];

    public void Dispose() => _directory.Dispose();

    [PeerFact]
    public void Driver_mounts_and_reads_with_every_message_order()
    {
        File.WriteAllText(Path.Combine(Share, "hello"), "from the host");
        foreach (var profile in VmmProfile.All)
        {
            using var peer = Peer.Start(Socket, Share);
            using var machine = VirtualMachine.Mount(Socket, new VirtualMachineOptions { Profile = profile });

            Assert.Equal("from the host", Encoding.UTF8.GetString(machine.Fuse.ReadFile("hello")));

            machine.Stop();
            machine.Disconnect();
            Assert.True(peer.WaitForExit(TimeSpan.FromSeconds(20)), $"virtiofsd went on after {profile} had left: {peer.ErrorText}");
        }
    }

    [PeerFact]
    public void Driver_s_ring_options_and_chain_shapes_all_work()
    {
        var content = new byte[100_000];
        Random.Shared.NextBytes(content);
        File.WriteAllBytes(Path.Combine(Share, "data"), content);
        foreach (var (indirect, eventIndex) in new[] { (false, false), (false, true), (true, false), (true, true) })
        {
            using var peer = Peer.Start(Socket, Share);
            using var machine = VirtualMachine.Mount(
                Socket,
                new VirtualMachineOptions { Indirect = indirect, EventIndex = eventIndex, Memory = MemoryLayout.WithHole(4 << 20, 64 << 20) });
            // virtiofsd wants its 40-byte header in one piece no more than Linux promises to send it so.
            foreach (var shape in new[] { ChainShape.Whole, ChainShape.HeaderApart, ChainShape.Pages, ChainShape.Random(1) })
            {
                machine.Fuse.Requests.Shape = shape;
                Assert.Equal(content, machine.Fuse.ReadFile("data"));
            }
        }
    }

    [PeerFact]
    public void Operations_of_the_client_have_their_effect_on_the_host()
    {
        using var peer = Peer.Start(Socket, Share);
        using var machine = VirtualMachine.Mount(Socket);
        var fuse = machine.Fuse;

        var directory = fuse.MkDir(FuseClient.Root, "d"u8).Value;
        var file = fuse.WriteFile(directory.NodeId, "f"u8, "content"u8);
        Assert.Equal("content", File.ReadAllText(Path.Combine(Share, "d/f")));
        Assert.Equal(7u, fuse.GetAttr(file.NodeId).Value.Attr.Size);
        Assert.Equal(0, fuse.Rename2(directory.NodeId, "f"u8, FuseClient.Root, "g"u8, 0));
        Assert.True(File.Exists(Path.Combine(Share, "g")));
        Assert.Equal(3u, fuse.Truncate(file.NodeId, 3).Value.Attr.Size);
        Assert.Equal("con", File.ReadAllText(Path.Combine(Share, "g")));
        var link = fuse.Symlink(FuseClient.Root, "s"u8, "g"u8).Value;
        Assert.Equal("g"u8, fuse.ReadLink(link.NodeId).Value);
        Assert.Equal(file.NodeId, fuse.Link(file.NodeId, directory.NodeId, "h"u8).Value.NodeId);
        Assert.Equal(0, fuse.SetXattr(file.NodeId, "user.k"u8, "v"u8));
        Assert.Equal("v"u8, fuse.GetXattr(file.NodeId, "user.k"u8).Value);
        Assert.Equal(1u, fuse.GetXattrSize(file.NodeId, "user.k"u8).Value.Size);
        Assert.Equal("user.k\0"u8, fuse.ListXattr(file.NodeId).Value);
        Assert.Equal(0, fuse.RemoveXattr(file.NodeId, "user.k"u8));
        Assert.Equal(["d", "g", "s"], fuse.ListDirectory(FuseClient.Root).Where(entry => !entry.IsDots).Select(entry => entry.Text).Order());
        Assert.Equal(["d", "g", "s"], fuse.ListDirectory(FuseClient.Root, plus: true).Where(entry => !entry.IsDots).Select(entry => entry.Text).Order());
        Assert.NotEqual(0u, fuse.StatFs().Value.BlockSize);
        Assert.Equal(0, fuse.Unlink(FuseClient.Root, "s"u8));
        Assert.Equal(0, fuse.Unlink(directory.NodeId, "h"u8));
        Assert.Equal(0, fuse.RmDir(FuseClient.Root, "d"u8));
        Assert.Equal(0, fuse.SyncFs());
        fuse.Forget(link.NodeId, 1);
        fuse.BatchForget(new Driver.Fuse.Wire.FuseForgetOne { NodeId = directory.NodeId, Nlookup = 1 });
        Assert.Equal(2, fuse.Lookup(FuseClient.Root, "d"u8).Error);
    }
}
