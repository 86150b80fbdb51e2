using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Memory;
using Xunit;

namespace VirtioFsStore.Core.Tests.Memory;

public sealed unsafe class DirtyLogTests : IDisposable
{
    const int LogSize = 64;
    const int Offset = 8;

    readonly MemoryFile _file = new(8192);
    readonly DirtyLog _log;

    public DirtyLogTests() => _log = DirtyLog.TryMap(_file.Fd, LogSize, Offset, out _)!;

    public void Dispose()
    {
        _log.Unmap();
        _file.Dispose();
    }

    [Theory]
    [InlineData(0, 1, new[] { 0 })]
    [InlineData(4095, 1, new[] { 0 })]
    [InlineData(4095, 2, new[] { 0, 1 })]
    [InlineData(4096, 4096, new[] { 1 })]
    [InlineData(31 * 4096, 8192, new[] { 31, 32 })]
    [InlineData(5 * 4096, 0, new int[0])]
    [InlineData(511 * 4096, 1 << 20, new[] { 511 })]
    [InlineData(512 * 4096, 4096, new int[0])]
    [InlineData(ulong.MaxValue - 10, 100, new int[0])]
    public void Every_page_of_a_write_is_marked_and_no_other(ulong address, ulong length, int[] pages)
    {
        _log.Mark(address, length);

        Assert.Equal(pages, Marked());
    }

    [Theory]
    [InlineData(0, 0, "cannot be")]
    [InlineData(64, 2, "cannot be")]
    [InlineData(8192, 8, "8192")]
    [InlineData(ulong.MaxValue - 7, 8, "cannot be")]
    public void Log_that_is_not_in_its_file_is_refused(ulong size, ulong offset, string words)
    {
        Assert.Null(DirtyLog.TryMap(_file.Fd, size, offset, out var error));
        Assert.Contains(words, error, StringComparison.Ordinal);
    }

    [Fact]
    public void Marks_of_several_threads_are_all_kept()
    {
        var threads = Enumerable.Range(0, 4).Select(number => new Thread(() =>
        {
            for (var page = number; page < LogSize * 8; page += 4)
                _log.Mark((ulong)page * 4096, 1);
        })).ToArray();
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());

        Assert.Equal(Enumerable.Range(0, LogSize * 8), Marked());
    }

    List<int> Marked()
    {
        var all = new byte[8192];
        fixed (byte* bytes = all)
            Assert.Equal(all.Length, FileIo.ReadAt(_file.Fd, bytes, (nuint)all.Length, 0));
        // Nothing beside the log is written.
        Assert.All(all[..Offset].Concat(all[(Offset + LogSize)..]), value => Assert.Equal(0, value));
        return [.. Enumerable.Range(0, LogSize * 8).Where(page => (all[Offset + (page / 8)] >> (page % 8) & 1) != 0)];
    }
}
