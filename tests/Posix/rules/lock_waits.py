"""Waiting for locks, and those of the host: fcntl(2), F_SETLKW, and flock(2)."""

import errno
import fcntl
import os
import signal
import time

from suite.locking import UNLOCK, WRITE, lock, try_lock, try_whole
from suite.rule import needs


def _waiting(path, action, prepare=lambda fd: None):
    """
    A child that opens a file, prepares, and does something that waits: returns when it sleeps in that. A pipe brings the end of it,
    "done" or the errno's name.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        fd = os.open(path, os.O_RDWR)
        prepare(fd)
        os.write(writing, b".")
        try:
            action(fd)
            result = b"done"
        except OSError as error:
            result = errno.errorcode[error.errno].encode()
        os.write(writing, result)
        os._exit(0)
    os.close(writing)
    if os.read(reading, 1) != b".":
        raise AssertionError("the waiter ended before it waited")
    while _state(child) != "S":
        time.sleep(0.001)
    return child, reading


def _state(process):
    with open(f"/proc/{process}/stat", encoding="ascii") as file:
        return file.read().rsplit(")", 1)[1].split()[0]


def _wait_for_range(fd):
    lock(fd, WRITE, command=fcntl.F_SETLKW)


def a_waiter_gets_the_lock_when_it_is_dropped(t):
    """fcntl(2), F_SETLKW; flock(2)."""
    path = t.file("file")
    fd = os.open(path, os.O_RDWR)
    lock(fd, WRITE)
    _, pipe = _waiting(path, _wait_for_range)
    lock(fd, UNLOCK)
    t.equal(os.read(pipe, 99), b"done", "what the waiter of fcntl tells")
    fcntl.flock(fd, fcntl.LOCK_EX)
    _, pipe = _waiting(path, lambda other: fcntl.flock(other, fcntl.LOCK_EX))
    fcntl.flock(fd, fcntl.LOCK_UN)
    t.equal(os.read(pipe, 99), b"done", "what the waiter of flock tells")


def a_waiter_can_be_interrupted_and_killed(t):
    """fcntl(2), F_SETLKW: EINTR by a signal that is handled; SIGKILL ends the process."""
    path = t.file("file")
    fd = os.open(path, os.O_RDWR)
    lock(fd, WRITE)

    # Raised out of the call, which Python would begin again.
    def handle(*_):
        raise InterruptedError(errno.EINTR, "interrupted")

    child, pipe = _waiting(path, _wait_for_range, lambda _: signal.signal(signal.SIGUSR1, handle))
    os.kill(child, signal.SIGUSR1)
    t.equal(os.read(pipe, 99), b"EINTR", "what the waiter tells")
    child, pipe = _waiting(path, _wait_for_range)
    os.kill(child, signal.SIGKILL)
    t.equal((os.read(pipe, 99), os.waitpid(child, 0)[1]), (b"", signal.SIGKILL), "what it tells, and its status")


def two_that_wait_for_each_other_are_told(t):
    """fcntl(2), EDEADLK."""
    path = t.file("file")
    fd = os.open(path, os.O_RDWR)
    lock(fd, WRITE, 0, 1)
    _, pipe = _waiting(path, lambda other: lock(other, WRITE, 0, 1, fcntl.F_SETLKW), lambda other: lock(other, WRITE, 1, 1))
    if t.has("host-locks") and t.on_fuse("locks of the host are those of open descriptions, for which the kernel looks for no deadlocks: the waiter waits until its limit"):
        return
    t.fails(errno.EDEADLK, lock, fd, WRITE, 1, 1, fcntl.F_SETLKW)
    lock(fd, UNLOCK)
    t.equal(os.read(pipe, 99), b"done", "what the other tells")


def many_that_wait_leave_the_rest_alone(t):
    """64 waiters: other files and the same one can be used meanwhile."""
    path = t.file("file")
    fd = os.open(path, os.O_RDWR)
    lock(fd, WRITE)
    waiters = [_waiting(path, _wait_for_range) for _ in range(64)]
    t.file("other", b"abc")
    t.equal((t.read(t.path("other")), sorted(os.listdir(t.directory))), (b"abc", ["file", "other"]), "content and names")
    os.pwrite(fd, b"x", 0)
    lock(fd, UNLOCK)
    t.equal([os.read(pipe, 99) for _, pipe in waiters], [b"done"] * 64, "what the waiters tell")


def _host_sees(t, take):
    fd = os.open(t.file("file"), os.O_RDWR)
    take(fd)
    return t.in_child(try_lock, t.backing("file"), WRITE), try_whole(t.backing("file"), fcntl.LOCK_EX)


@needs("backing", "fuse")
def whether_the_host_sees_locks_is_the_mounts_choice(t):
    """--posix-lock, --flock: with them the host does, without them it does not."""
    seen = not t.has("host-locks")
    t.equal(_host_sees(t, lambda fd: lock(fd, WRITE)), (seen, True), "what the host gets beside a lock of fcntl")
    os.unlink(t.path("file"))
    t.equal(_host_sees(t, lambda fd: fcntl.flock(fd, fcntl.LOCK_EX)), (True, seen), "what the host gets beside a lock of flock")


@needs("backing", "host-locks")
def a_lock_of_the_host_is_waited_for(t):
    """It is seen, told by F_GETLK, and its end ends the wait."""
    path = t.file("file")
    fd = os.open(t.backing("file"), os.O_RDWR)
    lock(fd, WRITE, 5, 5)
    t.equal(t.in_child(try_lock, path, WRITE), False, "whether the lock is to be had")
    t.equal(t.in_child(lambda: lock(os.open(path, os.O_RDWR), WRITE, 0, 0, fcntl.F_GETLK))[:3], (WRITE, 5, 5), "the lock in the way")
    _, pipe = _waiting(path, _wait_for_range)
    lock(fd, UNLOCK)
    t.equal(os.read(pipe, 99), b"done", "what the waiter tells")
