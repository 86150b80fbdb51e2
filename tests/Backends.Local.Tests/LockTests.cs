using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Local.Tests;

/// <summary>Locks the host sees: a second server of the same directory stands for any other process.</summary>
public sealed class LockTests : IDisposable
{
    static readonly TimeSpan s_long = TimeSpan.FromMinutes(1);

    readonly Share _share;
    readonly Share _other;
    readonly NodeId _file;
    readonly NodeId _otherFile;

    public LockTests()
    {
        static LocalOptions Locking(LocalOptions options) => options with { PosixLocks = true, Flock = true };
        _share = new Share(Locking);
        File.WriteAllText(_share.Host("file"), "content");
        _other = new Share(_share.Path, Locking);
        _file = _share.Lookup("file").Node;
        _otherFile = _other.Lookup("file").Node;
    }

    public void Dispose()
    {
        _other.Dispose();
        _share.Dispose();
    }

    [Fact]
    public void A_range_is_locked_for_other_owners_and_other_processes()
    {
        Assert.Equal(Errno.None, Try(_share, _file, Range(FileLockType.Write, 10, 19, owner: 1)));

        Assert.Equal(Errno.EAGAIN, Try(_share, _file, Range(FileLockType.Read, 15, 15, owner: 2)));
        Assert.Equal(Errno.EAGAIN, Try(_other, _otherFile, Range(FileLockType.Read, 19, 30, owner: 1)));
        Assert.Equal(Errno.None, Try(_share, _file, Range(FileLockType.Read, 15, 15, owner: 1)));
        Assert.Equal(Errno.None, Try(_other, _otherFile, Range(FileLockType.Write, 20, 30, owner: 1)));
    }

    [Fact]
    public void The_lock_in_the_way_is_named()
    {
        Try(_other, _otherFile, Range(FileLockType.Write, 10, 19, owner: 7));

        var found = _share.FileSystem.GetLockAsync(_share.Request, _file, HandleId.None, Range(FileLockType.Read, 0, long.MaxValue, owner: 1)).Now().Value;
        var free = _share.FileSystem.GetLockAsync(_share.Request, _file, HandleId.None, Range(FileLockType.Read, 20, 30, owner: 1)).Now().Value;

        Assert.Equal((FileLockType.Write, 10UL, 19UL), (found.Type, found.Start, found.End));
        Assert.Equal(FileLockType.Unlock, free.Type);
    }

    [Fact]
    public void The_lock_in_the_way_names_the_guests_process_that_holds_it()
    {
        Try(_share, _file, Range(FileLockType.Write, 0, 99, owner: 1, pid: 11));
        Try(_share, _file, Range(FileLockType.Write, 40, 59, owner: 1, pid: 12));
        Try(_share, _file, Range(FileLockType.Unlock, 60, 69, owner: 1, pid: 11));
        Try(_share, _file, Range(FileLockType.Read, 200, 299, owner: 2, pid: 22));
        Try(_other, _otherFile, Range(FileLockType.Write, 300, 399, owner: 1, pid: 33));

        Assert.Equal(11U, HolderOf(Range(FileLockType.Read, 70, 70, owner: 3)));
        Assert.Equal(22U, HolderOf(Range(FileLockType.Write, 150, 250, owner: 3)));
        Assert.Equal(0U, HolderOf(Range(FileLockType.Read, 300, 300, owner: 3)));
    }

    [Fact]
    public void Closing_drops_the_owners_locks_alone()
    {
        var handle = _share.Open(_file, Share.RDWR);
        Try(_share, _file, Range(FileLockType.Write, 0, 9, owner: 1));
        Try(_share, _file, Range(FileLockType.Write, 10, 19, owner: 2));

        Assert.Equal(Errno.None, _share.FileSystem.FlushAsync(_share.Request, _file, handle, lockOwner: 1).Now());

        Assert.Equal(Errno.None, Try(_other, _otherFile, Range(FileLockType.Write, 0, 9, owner: 3)));
        Assert.Equal(Errno.EAGAIN, Try(_other, _otherFile, Range(FileLockType.Write, 10, 19, owner: 3)));
    }

    [Fact]
    public void Giving_a_handle_back_drops_the_locks_taken_by_it_that_no_closing_owner_dropped()
    {
        var (handle, other) = (_share.Open(_file, Share.RDWR), _share.Open(_file, Share.RDWR));
        Try(_share, _file, Range(FileLockType.Write, 0, 9, owner: 1), handle);
        Try(_share, _file, Range(FileLockType.Write, 10, 19, owner: 2), other);

        _share.Release(_file, handle);

        Assert.Equal(Errno.None, Try(_other, _otherFile, Range(FileLockType.Write, 0, 9, owner: 3)));
        Assert.Equal(Errno.EAGAIN, Try(_other, _otherFile, Range(FileLockType.Write, 10, 19, owner: 3)));
    }

    [Fact]
    public void Giving_a_handle_back_leaves_locks_whose_owner_went_on_with_another_handle()
    {
        var (handle, other) = (_share.Open(_file, Share.RDWR), _share.Open(_file, Share.RDWR));
        Try(_share, _file, Range(FileLockType.Write, 0, 9, owner: 1), handle);
        Try(_share, _file, Range(FileLockType.Write, 10, 19, owner: 1), other);

        _share.Release(_file, handle);

        Assert.Equal(Errno.EAGAIN, Try(_other, _otherFile, Range(FileLockType.Write, 0, 19, owner: 3)));
    }

    [Fact]
    public void Giving_a_handle_back_drops_the_locks_of_all_owners_that_used_it()
    {
        var handle = _share.Open(_file, Share.RDWR);
        Try(_share, _file, Range(FileLockType.Write, 0, 9, owner: 1), handle);
        Try(_share, _file, Range(FileLockType.Write, 10, 19, owner: 2), handle);

        _share.Release(_file, handle);

        Assert.Equal(Errno.None, Try(_other, _otherFile, Range(FileLockType.Write, 0, 19, owner: 3)));
    }

    [Fact]
    public async Task A_waiter_gets_the_lock_when_another_owner_drops_it()
    {
        Try(_share, _file, Range(FileLockType.Write, 0, 9, owner: 1));
        using var request = new TestRequestContext().WaitingAtMost(s_long);

        var waiting = _share.FileSystem.SetLockAsync(request, _file, HandleId.None, Range(FileLockType.Write, 0, 9, owner: 2), wait: true);
        Assert.False(waiting.IsCompleted);
        Assert.Equal(Errno.None, Try(_share, _file, Range(FileLockType.Unlock, 0, long.MaxValue, owner: 1)));

        Assert.Equal(Errno.None, await waiting);
        Assert.Equal(Errno.EAGAIN, Try(_other, _otherFile, Range(FileLockType.Read, 0, 0, owner: 1)));
    }

    [Fact]
    public async Task A_waiter_gets_the_lock_when_another_process_drops_it()
    {
        Try(_other, _otherFile, Range(FileLockType.Write, 0, 9, owner: 1));
        using var request = new TestRequestContext().WaitingAtMost(s_long);

        var waiting = _share.FileSystem.SetLockAsync(request, _file, HandleId.None, Range(FileLockType.Read, 0, 9, owner: 1), wait: true);
        Assert.False(waiting.IsCompleted);
        _other.FileSystem.Reset();

        Assert.Equal(Errno.None, await waiting);
    }

    [Fact]
    public async Task Waiting_ends_with_EINTR_at_the_requests_limit()
    {
        Try(_other, _otherFile, Range(FileLockType.Write, 0, 9, owner: 1));
        using var request = new TestRequestContext().WaitingAtMost(TimeSpan.FromMilliseconds(50));

        Assert.Equal(Errno.EINTR, await _share.FileSystem.SetLockAsync(request, _file, HandleId.None, Range(FileLockType.Read, 0, 9, owner: 1), wait: true));
    }

    [Fact]
    public void Whole_file_locks_are_flocks_and_go_with_the_open_file()
    {
        var handle = _share.Open(_file);
        Assert.Equal(Errno.None, Try(_share, _file, Whole(FileLockType.Write, owner: 1)));

        Assert.Equal(Errno.EAGAIN, Try(_other, _otherFile, Whole(FileLockType.Read, owner: 1)));
        Assert.Equal(Errno.None, Try(_other, _otherFile, Range(FileLockType.Write, 0, 9, owner: 1)));
        Assert.Equal(Errno.None, _share.FileSystem.ReleaseAsync(_share.Request, _file, handle, new ReleaseRequest { UnlockFlock = true, LockOwner = 1 }).Now());
        Assert.Equal(Errno.None, Try(_other, _otherFile, Whole(FileLockType.Write, owner: 1)));
    }

    [Fact]
    public void A_read_lock_stays_while_another_range_gets_a_write_lock()
    {
        Try(_share, _file, Range(FileLockType.Read, 0, 99, owner: 1));
        Try(_share, _file, Range(FileLockType.Unlock, 40, 59, owner: 1));

        Assert.Equal(Errno.None, Try(_share, _file, Range(FileLockType.Write, 70, 79, owner: 1)));

        Assert.Equal(Errno.EAGAIN, Try(_other, _otherFile, Range(FileLockType.Write, 0, 39, owner: 1)));
        Assert.Equal(Errno.EAGAIN, Try(_other, _otherFile, Range(FileLockType.Read, 70, 79, owner: 1)));
        Assert.Equal(Errno.EAGAIN, Try(_other, _otherFile, Range(FileLockType.Write, 99, 99, owner: 1)));
        Assert.Equal(Errno.None, Try(_other, _otherFile, Range(FileLockType.Write, 40, 59, owner: 1)));
        Assert.Equal(Errno.None, Try(_other, _otherFile, Range(FileLockType.Read, 60, 69, owner: 1)));
    }

    [Fact]
    public void A_program_that_is_locked_for_reading_or_as_a_whole_can_be_run()
    {
        var program = _share.Host("program");
        File.Copy("/bin/true", program);
        var node = _share.Lookup("program").Node;

        Assert.Equal(Errno.None, Try(_share, node, Whole(FileLockType.Write, owner: 1)));
        Assert.Equal(Errno.None, Try(_share, node, Range(FileLockType.Read, 0, 9, owner: 1)));

        Command.Run(program);
    }

    [Fact]
    public async Task Every_waiter_of_a_file_gets_its_turn()
    {
        const int Waiters = 20;
        Try(_share, _file, Range(FileLockType.Write, 0, 9, owner: 100));
        var turns = 0;

        var all = Enumerable.Range(1, Waiters).Select(async owner =>
        {
            using var request = new TestRequestContext().WaitingAtMost(s_long);
            var error = await _share.FileSystem.SetLockAsync(request, _file, HandleId.None, Range(FileLockType.Write, 0, 9, (ulong)owner), wait: true);
            Assert.Equal(Errno.None, error);
            Assert.Equal(1, Interlocked.Increment(ref turns));
            Interlocked.Decrement(ref turns);
            return _share.FileSystem.SetLockAsync(request, _file, HandleId.None, Range(FileLockType.Unlock, 0, long.MaxValue, (ulong)owner), wait: false).Now();
        }).ToArray();
        Assert.All(all, waiting => Assert.False(waiting.IsCompleted));
        Try(_share, _file, Range(FileLockType.Unlock, 0, long.MaxValue, owner: 100));

        Assert.All(await Task.WhenAll(all), error => Assert.Equal(Errno.None, error));
    }

    [Fact]
    public void A_directory_can_be_flocked()
    {
        Assert.Equal(Errno.None, Try(_share, Share.Root, Whole(FileLockType.Write, owner: 1)));

        Assert.Equal(Errno.EAGAIN, Try(_other, Share.Root, Whole(FileLockType.Write, owner: 1)));
    }

    [Fact]
    public void Ranges_that_end_before_they_start_are_EINVAL()
    {
        Assert.Equal(Errno.EINVAL, Try(_share, _file, Range(FileLockType.Write, 10, 9, owner: 1)));
        Assert.Equal(Errno.EINVAL, Try(_share, _file, Range(FileLockType.Write, ulong.MaxValue, ulong.MaxValue, owner: 1)));
        Assert.Equal(Errno.EINVAL, Try(_share, _file, Range((FileLockType)9, 0, 9, owner: 1)));
    }

    [Fact]
    public void Locks_stay_in_the_guest_unless_asked_for()
    {
        using var share = new Share(_share.Path, options => options);
        var node = share.Lookup("file").Node;

        Assert.False(share.FileSystem.Traits.HasFlag(FileSystemTraits.PosixLocks) || share.FileSystem.Traits.HasFlag(FileSystemTraits.Flock));
        Assert.True(_share.FileSystem.Traits.HasFlag(FileSystemTraits.PosixLocks | FileSystemTraits.Flock));
        Assert.Equal(Errno.EOPNOTSUPP, Try(share, node, Range(FileLockType.Read, 0, 9, owner: 1)));
        Assert.Equal(Errno.EOPNOTSUPP, Try(share, node, Whole(FileLockType.Read, owner: 1)));
    }

    uint HolderOf(FileLock wanted) => _share.FileSystem.GetLockAsync(_share.Request, _file, HandleId.None, wanted).Now().Value.Pid;

    static FileLock Range(FileLockType type, ulong start, ulong end, ulong owner, uint pid = 0) =>
        new() { Type = type, Start = start, End = end, Owner = owner, Pid = pid };

    static FileLock Whole(FileLockType type, ulong owner) => new() { Type = type, End = long.MaxValue, Owner = owner, IsFlock = true };

    static Errno Try(Share share, NodeId node, FileLock wanted, HandleId handle = default) =>
        share.FileSystem.SetLockAsync(share.Request, node, handle, wanted, wait: false).Now();
}
