"""Times that are set: utimensat(2)."""

import errno
import os
import time

from suite import system
from suite.clock import DAY, OLD, age, times_of
from suite.users import ALICE, BOB


def times_are_kept_to_the_nanosecond(t):
    """utimensat(2): before 1970 and after 2038 as well."""
    path = t.file("file")
    for access, modify in ((OLD, OLD + 1), (1, 999_999_999), (-1, -1_500_000_001), ((1 << 31) * 10**9 + 7, (1 << 32) * 10**9 + 8), (-(1 << 31) * 10**9, 5)):
        os.utime(path, ns=(access, modify))
        status = os.stat(path)
        t.equal((status.st_atime_ns, status.st_mtime_ns), (access, modify), "atime and mtime")


def utime_sets_ctime_to_now(t):
    """utimensat(2)."""
    path = t.file("file")
    before = age(path)["ctime"]
    t.wait_for_new_time()
    os.utime(path, ns=(OLD, OLD))
    t.true(times_of(path)["ctime"] > before, "ctime is new")


def utime_can_leave_out_and_take_now(t):
    """utimensat(2): UTIME_OMIT, UTIME_NOW."""
    path = t.file("file")
    age(path)
    system.set_times(path, (0, system.UTIME_OMIT), (5, 6))
    t.equal((os.stat(path).st_atime_ns, os.stat(path).st_mtime_ns), (OLD, 5_000_000_006), "atime left out")
    system.set_times(path, (7, 8), (0, system.UTIME_OMIT))
    t.equal((os.stat(path).st_atime_ns, os.stat(path).st_mtime_ns), (7_000_000_008, 5_000_000_006), "mtime left out")
    system.set_times(path, (0, system.UTIME_NOW), (0, system.UTIME_OMIT))
    t.true(abs(os.stat(path).st_atime_ns - time.time_ns()) < DAY, "atime is now")
    t.equal(os.stat(path).st_mtime_ns, 5_000_000_006, "mtime beside UTIME_NOW")
    before = times_of(path)
    t.wait_for_new_time()
    system.set_times(path, (0, system.UTIME_OMIT), (0, system.UTIME_OMIT))
    t.equal(times_of(path), before, "all times after leaving both out")


def utime_refuses_impossible_nanoseconds(t):
    """utimensat(2), EINVAL."""
    path = t.file("file")
    for nanoseconds in (-1, 10**9, system.UTIME_OMIT - 1):
        t.fails(errno.EINVAL, system.set_times, path, (1, nanoseconds), (1, 1))


def only_the_owner_sets_times_of_its_choice(t):
    """utimensat(2), EPERM; one that may write can set both to now, and no other (EACCES)."""
    path = t.file("file", mode=0o666, user=ALICE)
    t.fails(errno.EPERM, t.as_user, BOB, system.set_times, path, (1, 1), (1, 1))
    t.fails(errno.EPERM, t.as_user, BOB, system.set_times, path, (0, system.UTIME_NOW), (0, system.UTIME_OMIT))
    t.as_user(BOB, system.set_times, path, (0, system.UTIME_NOW), (0, system.UTIME_NOW))
    os.chmod(path, 0o644)
    t.fails(errno.EACCES, t.as_user, BOB, system.set_times, path, (0, system.UTIME_NOW), (0, system.UTIME_NOW))
    t.as_user(BOB, system.set_times, path, (0, system.UTIME_OMIT), (0, system.UTIME_OMIT))
    t.as_user(ALICE, system.set_times, path, (1, 1), (1, 1))


def the_times_of_a_link_are_its_own(t):
    """utimensat(2), AT_SYMLINK_NOFOLLOW."""
    path = t.file("file")
    age(path)
    os.symlink("file", t.path("link"))
    system.set_times(t.path("link"), (1, 2), (3, 4), follow=False)
    t.equal(os.lstat(t.path("link")).st_mtime_ns, 3_000_000_004, "the link's mtime")
    t.equal(os.stat(path).st_mtime_ns, OLD, "the mtime of what it points to")


def times_set_after_a_write_stay_when_the_file_is_closed(t):
    """tar and rsync write, set the times by descriptor, and close: what is written back later may not set them again."""
    path = t.path("file")
    fd = os.open(path, os.O_CREAT | os.O_RDWR, 0o644)
    os.write(fd, b"x" * 100_000)
    os.utime(fd, ns=(OLD, OLD + 5))
    os.close(fd)
    t.equal(os.stat(path).st_mtime_ns, OLD + 5, "mtime after close")
    os.fsync(os.open(path, os.O_RDONLY))
    fd = os.open(path, os.O_RDWR)
    t.equal(os.fstat(fd).st_mtime_ns, OLD + 5, "mtime after it is opened again")
