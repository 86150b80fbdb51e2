"""Locks: fcntl(2), flock(2). Python's lockf is fcntl's F_SETLK."""

import errno
import fcntl
import os
import signal
import struct
import time

from suite.rule import needs
from suite.users import ALICE

F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW = 36, 37, 38
READ, WRITE, UNLOCK = fcntl.F_RDLCK, fcntl.F_WRLCK, fcntl.F_UNLCK
BUSY = (errno.EAGAIN, errno.EACCES)


def _lock(fd, kind, start=0, length=0, command=fcntl.F_SETLK):
    """One fcntl(2) with a struct flock; the struct that comes back as (type, start, length, pid)."""
    answer = fcntl.fcntl(fd, command, struct.pack("=hhxxxxqqixxxx", kind, 0, start, length, 0))
    kind, _, start, length, pid = struct.unpack("=hhxxxxqqixxxx", answer)
    return kind, start, length, pid


def _try(path, kind, start=0, length=0):
    """Whether another process gets a lock."""
    fd = os.open(path, os.O_RDWR)
    try:
        _lock(fd, kind, start, length)
        return True
    except OSError as error:
        if error.errno not in BUSY:
            raise
        return False


def _try_whole(path, kind):
    """Whether another description gets an flock(2)."""
    fd = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
        return True
    except OSError as error:
        if error.errno != errno.EWOULDBLOCK:
            raise
        return False
    finally:
        os.close(fd)


def _waiting(action):
    """Starts a child that does something and tells when it has: (pid, pipe)."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            result = action() or b"done"
        except OSError as error:
            result = errno.errorcode[error.errno].encode()
        os.write(writing, result)
        os._exit(0)
    os.close(writing)
    return child, reading


def _blocked(child):
    """Waits until a process sleeps in a call: it then waits for the lock."""
    while True:
        with open(f"/proc/{child}/wchan", encoding="ascii") as file:
            place = file.read()
        if "lock" in place or "fuse" in place or "request_wait" in place or place not in ("0", ""):
            return
        with open(f"/proc/{child}/stat", encoding="ascii") as file:
            if file.read().rsplit(")", 1)[1].split()[0] in "SD":
                return
        time.sleep(0.002)


def a_write_lock_excludes_and_read_locks_share(t):
    """fcntl(2), F_SETLK."""
    path = t.file("file")
    fd = os.open(path, os.O_RDWR)
    _lock(fd, READ)
    t.equal((t.in_child(_try, path, READ), t.in_child(_try, path, WRITE)), (True, False), "what another process gets beside a read lock")
    _lock(fd, WRITE)
    t.equal((t.in_child(_try, path, READ), t.in_child(_try, path, WRITE)), (False, False), "what another process gets beside a write lock")
    _lock(fd, UNLOCK)
    t.equal(t.in_child(_try, path, WRITE), True, "whether it gets a lock afterwards")


def ranges_are_locked_split_and_joined(t):
    """fcntl(2): a lock of the same process replaces what it covers."""
    path = t.file("file")
    fd = os.open(path, os.O_RDWR)
    _lock(fd, WRITE, 0, 100)
    _lock(fd, UNLOCK, 40, 20)
    free = [start for start in (0, 39, 40, 59, 60, 99, 100) if t.in_child(_try, path, WRITE, start, 1)]
    t.equal(free, [40, 59, 100], "the bytes that are free")
    _lock(fd, READ, 50, 0)
    free = [start for start in (49, 50, 1 << 40) if t.in_child(_try, path, READ, start, 1)]
    t.equal(free, [49, 50, 1 << 40], "the bytes that may be read")
    t.equal(t.in_child(_try, path, WRITE, 1 << 40, 1), False, "whether the far end is free")


def the_lock_in_the_way_is_told(t):
    """fcntl(2), F_GETLK: type, range and process of the first."""
    path = t.file("file")
    fd = os.open(path, os.O_RDWR)
    _lock(fd, WRITE, 10, 20)

    def ask():
        return _lock(os.open(path, os.O_RDWR), READ, 0, 0, fcntl.F_GETLK)

    kind, start, length, pid = t.in_child(ask)
    t.equal((kind, start, length), (WRITE, 10, 20), "type, start and length")
    if t.has("host-locks") and t.on_fuse("a lock that the host holds is the daemon's: its process is not told"):
        return
    t.equal(pid, os.getpid(), "the process")


def closing_any_descriptor_drops_the_processs_locks(t):
    """fcntl(2): POSIX's way."""
    path = t.file("file")
    fd = os.open(path, os.O_RDWR)
    _lock(fd, WRITE)
    os.close(os.open(path, os.O_RDONLY))
    t.equal(t.in_child(_try, path, WRITE), True, "whether another process gets a lock")


def locks_go_with_their_process_and_are_not_inherited(t):
    """fcntl(2), fork(2)."""
    path = t.file("file")
    t.in_child(lambda: _lock(os.open(path, os.O_RDWR), WRITE))
    fd = os.open(path, os.O_RDWR)
    _lock(fd, WRITE)

    def inherited():
        try:
            _lock(fd, WRITE)
        except OSError as error:
            return error.errno in BUSY
        return False

    t.true(t.in_child(inherited), "the child of a holder does not hold its lock")


def a_lock_needs_the_access_of_its_kind(t):
    """fcntl(2), EBADF; a length that ends before the start of the file is EINVAL."""
    path = t.file("file")
    t.fails(errno.EBADF, _lock, os.open(path, os.O_RDONLY), WRITE)
    t.fails(errno.EBADF, _lock, os.open(path, os.O_WRONLY), READ)
    t.fails(errno.EINVAL, _lock, os.open(path, os.O_RDWR), WRITE, -1, 5)


def locks_of_a_description_are_its_own(t):
    """fcntl(2), F_OFD_SETLK: two descriptions of one process exclude each other; closing another leaves them."""
    path = t.file("file")
    first, second = os.open(path, os.O_RDWR), os.open(path, os.O_RDWR)
    _lock(first, WRITE, 0, 10, F_OFD_SETLK)
    t.fails(BUSY, _lock, second, WRITE, 5, 10, F_OFD_SETLK)
    _lock(second, WRITE, 10, 10, F_OFD_SETLK)
    os.close(os.open(path, os.O_RDONLY))
    t.equal(_lock(second, READ, 0, 0, F_OFD_GETLK)[:3], (WRITE, 0, 10), "the lock in the way")
    t.equal(t.in_child(lambda: _lock(first, WRITE, 0, 5, F_OFD_SETLK)[0]), WRITE, "what a child with the description gets")
    os.close(first)
    _lock(second, WRITE, 0, 10, F_OFD_SETLKW)


def whole_file_locks_belong_to_the_description(t):
    """flock(2): shared and exclusive, converted, dropped by the last close; no access mode is needed."""
    path = t.file("file")
    fd = os.open(path, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_SH)
    t.equal((_try_whole(path, fcntl.LOCK_SH), _try_whole(path, fcntl.LOCK_EX)), (True, False), "what another gets beside a shared lock")
    fcntl.flock(fd, fcntl.LOCK_EX)
    t.equal(t.in_child(_try_whole, path, fcntl.LOCK_SH), False, "what another gets beside an exclusive lock")
    duplicate = os.dup(fd)
    os.close(fd)
    t.equal(_try_whole(path, fcntl.LOCK_EX), False, "whether it is free while a duplicate is open")
    os.close(duplicate)
    # Waits: a FUSE file is released a moment after it is closed.
    fcntl.flock(os.open(path, os.O_RDONLY), fcntl.LOCK_EX)


def a_directory_can_be_locked_as_a_whole(t):
    """flock(2)."""
    first, second = os.open(t.directory, os.O_RDONLY), os.open(t.directory, os.O_RDONLY)
    fcntl.flock(first, fcntl.LOCK_EX)
    t.fails(errno.EWOULDBLOCK, fcntl.flock, second, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.flock(first, fcntl.LOCK_UN)
    fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)


def both_kinds_are_independent(t):
    """flock(2): on a local file system fcntl's locks do not see it."""
    path = t.file("file")
    fcntl.flock(os.open(path, os.O_RDWR), fcntl.LOCK_EX)
    t.equal(t.in_child(_try, path, WRITE), True, "whether fcntl gets a lock")


def a_waiter_gets_the_lock_when_it_is_dropped(t):
    """fcntl(2), F_SETLKW; flock(2)."""
    path = t.file("file")
    fd = os.open(path, os.O_RDWR)
    _lock(fd, WRITE)
    child, pipe = _waiting(lambda: _lock(os.open(path, os.O_RDWR), WRITE, command=fcntl.F_SETLKW) and None)
    _blocked(child)
    _lock(fd, UNLOCK)
    t.equal(os.read(pipe, 99), b"done", "what the waiter of fcntl tells")
    fcntl.flock(fd, fcntl.LOCK_EX)
    child, pipe = _waiting(lambda: fcntl.flock(os.open(path, os.O_RDWR), fcntl.LOCK_EX))
    _blocked(child)
    fcntl.flock(fd, fcntl.LOCK_UN)
    t.equal(os.read(pipe, 99), b"done", "what the waiter of flock tells")


def a_waiter_can_be_interrupted_and_killed(t):
    """fcntl(2), F_SETLKW: EINTR by a signal that is handled; SIGKILL ends the process."""
    path = t.file("file")
    fd = os.open(path, os.O_RDWR)
    _lock(fd, WRITE)

    def wait():
        # Raised out of the call, which Python would begin again.
        def handle(*_):
            raise InterruptedError(errno.EINTR, "interrupted")

        signal.signal(signal.SIGUSR1, handle)
        _lock(os.open(path, os.O_RDWR), WRITE, command=fcntl.F_SETLKW)

    child, pipe = _waiting(wait)
    _blocked(child)
    os.kill(child, signal.SIGUSR1)
    t.equal(os.read(pipe, 99), b"EINTR", "what the waiter tells")
    child, pipe = _waiting(wait)
    _blocked(child)
    os.kill(child, signal.SIGKILL)
    t.equal((os.read(pipe, 99), os.waitpid(child, 0)[1]), (b"", signal.SIGKILL), "what it tells, and its status")


def two_that_wait_for_each_other_are_told(t):
    """fcntl(2), EDEADLK."""
    path = t.file("file")
    fd = os.open(path, os.O_RDWR)
    _lock(fd, WRITE, 0, 1)
    ready, tell = os.pipe()

    def cross():
        other = os.open(path, os.O_RDWR)
        _lock(other, WRITE, 1, 1)
        os.write(tell, b"x")
        _lock(other, WRITE, 0, 1, fcntl.F_SETLKW)

    child, pipe = _waiting(cross)
    os.read(ready, 1)
    _blocked(child)
    if t.has("host-locks") and t.on_fuse("locks of the host are those of open descriptions, for which the kernel looks for no deadlocks: the waiter waits until its limit"):
        return
    t.fails(errno.EDEADLK, _lock, fd, WRITE, 1, 1, fcntl.F_SETLKW)
    _lock(fd, UNLOCK)
    t.equal(os.read(pipe, 99), b"done", "what the other tells")


def many_that_wait_leave_the_rest_alone(t):
    """64 waiters: other files and the same one can be used meanwhile."""
    path = t.file("file")
    fd = os.open(path, os.O_RDWR)
    _lock(fd, WRITE)
    waiters = [_waiting(lambda: _lock(os.open(path, os.O_RDWR), WRITE, command=fcntl.F_SETLKW) and None) for _ in range(64)]
    for child, _ in waiters:
        _blocked(child)
    t.file("other", b"abc")
    t.equal((t.read(t.path("other")), sorted(os.listdir(t.directory))), (b"abc", ["file", "other"]), "content and names")
    os.pwrite(fd, b"x", 0)
    _lock(fd, UNLOCK)
    t.equal([os.read(pipe, 99) for _, pipe in waiters], [b"done"] * 64, "what the waiters tell")


def _host_sees(t, lock):
    fd = os.open(t.file("file"), os.O_RDWR)
    lock(fd)
    return t.in_child(_try, t.backing("file"), WRITE), _try_whole(t.backing("file"), fcntl.LOCK_EX)


@needs("backing", "fuse")
def whether_the_host_sees_locks_is_the_mounts_choice(t):
    """--posix-lock, --flock: with them the host does, without them it does not."""
    seen = not t.has("host-locks")
    t.equal(_host_sees(t, lambda fd: _lock(fd, WRITE)), (seen, True), "what the host gets beside a lock of fcntl")
    os.unlink(t.path("file"))
    t.equal(_host_sees(t, lambda fd: fcntl.flock(fd, fcntl.LOCK_EX)), (True, seen), "what the host gets beside a lock of flock")


@needs("backing", "host-locks")
def a_lock_of_the_host_is_waited_for(t):
    """It is seen, told by F_GETLK, and its end ends the wait."""
    path = t.file("file")
    fd = os.open(t.backing("file"), os.O_RDWR)
    _lock(fd, WRITE, 5, 5)
    t.equal(t.in_child(_try, path, WRITE), False, "whether the lock is to be had")
    t.equal(t.in_child(lambda: _lock(os.open(path, os.O_RDWR), WRITE, 0, 0, fcntl.F_GETLK))[:3], (WRITE, 5, 5), "the lock in the way")
    child, pipe = _waiting(lambda: _lock(os.open(path, os.O_RDWR), WRITE, command=fcntl.F_SETLKW) and None)
    _blocked(child)
    _lock(fd, UNLOCK)
    t.equal(os.read(pipe, 99), b"done", "what the waiter tells")


def another_user_can_lock_what_it_can_open(t):
    """fcntl(2), flock(2)."""
    path = t.file("file", mode=0o666)

    def lock():
        fd = os.open(path, os.O_RDWR)
        _lock(fd, WRITE)
        fcntl.flock(fd, fcntl.LOCK_EX)

    t.as_user(ALICE, lock)
