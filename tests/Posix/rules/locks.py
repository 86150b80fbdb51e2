"""Locks: fcntl(2), flock(2). What excludes what, and whose it is."""

import errno
import fcntl
import os

from suite.locking import BUSY, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW, READ, UNLOCK, WRITE, lock, try_lock, try_whole
from suite.users import ALICE


def a_write_lock_excludes_and_read_locks_share(t):
    """fcntl(2), F_SETLK."""
    path = t.file("file")
    fd = os.open(path, os.O_RDWR)
    lock(fd, READ)
    t.equal((t.in_child(try_lock, path, READ), t.in_child(try_lock, path, WRITE)), (True, False), "what another process gets beside a read lock")
    lock(fd, WRITE)
    t.equal((t.in_child(try_lock, path, READ), t.in_child(try_lock, path, WRITE)), (False, False), "what another process gets beside a write lock")
    lock(fd, UNLOCK)
    t.equal(t.in_child(try_lock, path, WRITE), True, "whether it gets a lock afterwards")


def ranges_are_locked_split_and_joined(t):
    """fcntl(2): a lock of the same process replaces what it covers."""
    path = t.file("file")
    fd = os.open(path, os.O_RDWR)
    lock(fd, WRITE, 0, 100)
    lock(fd, UNLOCK, 40, 20)
    free = [start for start in (0, 39, 40, 59, 60, 99, 100) if t.in_child(try_lock, path, WRITE, start, 1)]
    t.equal(free, [40, 59, 100], "the bytes that are free")
    lock(fd, READ, 50, 0)
    free = [start for start in (49, 50, 1 << 40) if t.in_child(try_lock, path, READ, start, 1)]
    t.equal(free, [49, 50, 1 << 40], "the bytes that may be read")
    t.equal(t.in_child(try_lock, path, WRITE, 1 << 40, 1), False, "whether the far end is free")


def the_lock_in_the_way_is_told(t):
    """fcntl(2), F_GETLK: type, range and process of the first."""
    path = t.file("file")
    fd = os.open(path, os.O_RDWR)
    lock(fd, WRITE, 10, 20)

    def ask():
        return lock(os.open(path, os.O_RDWR), READ, 0, 0, fcntl.F_GETLK)

    kind, start, length, pid = t.in_child(ask)
    t.equal((kind, start, length), (WRITE, 10, 20), "type, start and length")
    t.equal(pid, os.getpid(), "the process")


def closing_any_descriptor_drops_the_processs_locks(t):
    """fcntl(2): POSIX's way."""
    path = t.file("file")
    fd = os.open(path, os.O_RDWR)
    lock(fd, WRITE)
    os.close(os.open(path, os.O_RDONLY))
    t.equal(t.in_child(try_lock, path, WRITE), True, "whether another process gets a lock")


def locks_go_with_their_process_and_are_not_inherited(t):
    """fcntl(2), fork(2)."""
    path = t.file("file")
    t.in_child(lambda: lock(os.open(path, os.O_RDWR), WRITE))
    fd = os.open(path, os.O_RDWR)
    lock(fd, WRITE)

    def inherited():
        try:
            lock(fd, WRITE)
        except OSError as error:
            return error.errno in BUSY
        return False

    t.true(t.in_child(inherited), "the child of a holder does not hold its lock")


def a_lock_needs_the_access_of_its_kind(t):
    """fcntl(2), EBADF; a length that ends before the start of the file is EINVAL."""
    path = t.file("file")
    t.fails(errno.EBADF, lock, os.open(path, os.O_RDONLY), WRITE)
    t.fails(errno.EBADF, lock, os.open(path, os.O_WRONLY), READ)
    t.fails(errno.EINVAL, lock, os.open(path, os.O_RDWR), WRITE, -1, 5)


def locks_of_a_description_are_its_own(t):
    """fcntl(2), F_OFD_SETLK: two descriptions of one process exclude each other; closing another leaves them."""
    path = t.file("file")
    first, second = os.open(path, os.O_RDWR), os.open(path, os.O_RDWR)
    lock(first, WRITE, 0, 10, F_OFD_SETLK)
    t.fails(BUSY, lock, second, WRITE, 5, 10, F_OFD_SETLK)
    lock(second, WRITE, 10, 10, F_OFD_SETLK)
    os.close(os.open(path, os.O_RDONLY))
    t.equal(lock(second, READ, 0, 0, F_OFD_GETLK)[:3], (WRITE, 0, 10), "the lock in the way")
    t.equal(t.in_child(lambda: lock(first, WRITE, 0, 5, F_OFD_SETLK)[0]), WRITE, "what a child with the description gets")
    os.close(first)
    lock(second, WRITE, 0, 10, F_OFD_SETLKW)


def whole_file_locks_belong_to_the_description(t):
    """flock(2): shared and exclusive, converted, dropped by the last close; no access mode is needed."""
    path = t.file("file")
    fd = os.open(path, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_SH)
    t.equal((try_whole(path, fcntl.LOCK_SH), try_whole(path, fcntl.LOCK_EX)), (True, False), "what another gets beside a shared lock")
    fcntl.flock(fd, fcntl.LOCK_EX)
    t.equal(t.in_child(try_whole, path, fcntl.LOCK_SH), False, "what another gets beside an exclusive lock")
    duplicate = os.dup(fd)
    os.close(fd)
    t.equal(try_whole(path, fcntl.LOCK_EX), False, "whether it is free while a duplicate is open")
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
    t.equal(t.in_child(try_lock, path, WRITE), True, "whether fcntl gets a lock")


def another_user_can_lock_what_it_can_open(t):
    """fcntl(2), flock(2)."""
    path = t.file("file", mode=0o666)

    def take():
        fd = os.open(path, os.O_RDWR)
        lock(fd, WRITE)
        fcntl.flock(fd, fcntl.LOCK_EX)

    t.as_user(ALICE, take)
