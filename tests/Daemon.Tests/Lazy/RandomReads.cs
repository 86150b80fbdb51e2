using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Vmm;
using Xunit;

namespace VirtioFsStore.Daemon.Tests.Lazy;

/// <summary>Reads at random places that are under way at once, each checked when its answer comes.</summary>
sealed class RandomReads
{
    const int Length = 48 << 10;

    readonly FuseQueue _queue;
    readonly Dictionary<FuseRequest, (string Path, int Offset)> _reads = [];
    readonly KnownImage _image;

    /// <summary>Posts them.</summary>
    public RandomReads(VirtualMachine machine, KnownImage image, Random random, int count)
    {
        (_queue, _image) = (machine.Fuse.Requests, image);
        var files = image.Files.Where(file => file.Value.Length > Length).Select(file => (file.Key, file.Value.Length, machine.Fuse.Walk(file.Key).NodeId)).ToArray();
        for (var i = 0; i < count; i++)
        {
            var (path, size, node) = files[random.Next(files.Length)];
            var offset = random.Next(size - Length);
            var request = machine.Fuse.BeginRead(node, 0, (ulong)offset, Length);
            _queue.Post(request);
            _reads.Add(request, (path, offset));
        }
        _queue.Notify();
    }

    /// <summary>Of those that are answered.</summary>
    public int Failures { get; private set; }

    /// <summary>Waits until so many more are answered.</summary>
    public void Take(int count)
    {
        for (; count > 0 && _reads.Count > 0; count--)
        {
            var request = _queue.Wait();
            FuseQueue.Check(request);
            Assert.True(_reads.Remove(request, out var read));
            if (request.Header.Error != 0)
            {
                Assert.Equal(-(int)Errno.EIO, request.Header.Error);
                Failures++;
            }
            else if (!_image.Files[read.Path].AsSpan(read.Offset, Length).SequenceEqual(request.Body))
            {
                Assert.Fail($"{read.Path} has other bytes than were read at {read.Offset}.");
            }
            _queue.Return(request);
        }
    }

    public void TakeAll() => Take(_reads.Count);
}
