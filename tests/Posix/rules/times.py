"""What sets which time: inode(7), stat(2), utimensat(2), mount(2)."""

import errno
import mmap
import os
import time

from suite import system
from suite.clock import DAY, OLD, age, times_of
from suite.rule import needs
from suite.users import ALICE, BOB

CACHED = "a FUSE file system's reads set the access time where the server reads, by the rules of the server's mount, not for data that is in the client's cache"


def _changed(t, path, action, *arguments):
    """The names of the times that an action changes."""
    before = age(path)
    t.wait_for_new_time()
    action(*arguments)
    after = times_of(path)
    return {name for name in before if before[name] != after[name]}


def _expect(t, path, times, what, action, *arguments):
    t.equal(_changed(t, path, action, *arguments), set(times.split()), f"the times of {os.path.basename(path)} that {what} sets")


def what_is_made_has_the_time_of_its_making(t):
    """open(2), mkdir(2), symlink(2), mknod(2): all three times of the new file, and the directory's mtime and ctime."""
    folder = t.folder("folder")
    makers = {"open": lambda path: os.close(os.open(path, os.O_CREAT)), "mkdir": os.mkdir, "mkfifo": os.mkfifo, "symlink": lambda path: os.symlink("x", path)}
    for name, make in makers.items():
        _expect(t, folder, "mtime ctime", name, make, f"{folder}/{name}")
        made = times_of(f"{folder}/{name}")
        t.equal(len(set(made.values())), 1, f"how many different times a file made by {name} has: {made}")
        t.true(abs(made["mtime"] - time.time_ns()) < DAY, f"the time of a file made by {name} is now")


def a_write_sets_mtime_and_ctime(t):
    """write(2), pwrite(2), and as seen by fstat at once."""
    path = t.file("file", b"abc")
    fd = os.open(path, os.O_WRONLY)
    _expect(t, path, "mtime ctime", "write", os.write, fd, b"x")
    _expect(t, path, "mtime ctime", "pwrite", os.pwrite, fd, b"x", 4096)
    age(path)
    t.wait_for_new_time()
    os.write(fd, b"y")
    t.true(os.fstat(fd).st_mtime_ns > OLD, "fstat sees the new mtime")


def a_write_of_nothing_sets_no_time(t):
    """write(2): zero bytes have no other results on a regular file."""
    path = t.file("file", b"abc")
    fd = os.open(path, os.O_WRONLY)
    _expect(t, path, "", "write of nothing", os.write, fd, b"")


def a_read_sets_atime_alone(t):
    """read(2), with an atime that is not newer than mtime: also under relatime."""
    path = t.file("file", b"abc")
    changed = _changed(t, path, t.read, path)
    if t.has("cached") and t.on_fuse(CACHED):
        changed.add("atime")
    t.equal(changed, {"atime"}, "the times that a read sets")


def listing_and_readlink_set_atime(t):
    """readdir(3), readlink(2)."""
    folder = t.folder("folder")
    t.file("folder/file")
    os.symlink("x", t.path("link"))
    _expect(t, folder, "atime", "readdir", os.listdir, folder)
    _expect(t, t.path("link"), "atime", "readlink", os.readlink, t.path("link"))


def truncation_sets_mtime_and_ctime(t):
    """truncate(2), ftruncate(2), O_TRUNC: also to the same size."""
    path = t.file("file", b"abc")
    fd = os.open(path, os.O_RDWR)
    _expect(t, path, "mtime ctime", "truncate", os.truncate, path, 2)
    _expect(t, path, "mtime ctime", "ftruncate", os.ftruncate, fd, 9)
    _expect(t, path, "mtime ctime", "ftruncate to the same size", os.ftruncate, fd, 9)
    if not (t.has("writeback") and t.on_fuse("with WRITEBACK_CACHE the client keeps the times, and gives truncate(2) to the same size no new ones")):
        _expect(t, path, "mtime ctime", "truncate to the same size", os.truncate, path, 9)
    _expect(t, path, "mtime ctime", "O_TRUNC", lambda: os.close(os.open(path, os.O_WRONLY | os.O_TRUNC)))


def changes_of_attributes_set_ctime_alone(t):
    """chmod(2), chown(2)."""
    path = t.file("file", b"abc")
    _expect(t, path, "ctime", "chmod", os.chmod, path, 0o600)
    _expect(t, path, "ctime", "chown", os.chown, path, 1, 1)


@needs("xattr")
def changes_of_xattrs_set_ctime_alone(t):
    """setxattr(2), removexattr(2)."""
    path = t.file("file", b"abc")
    _expect(t, path, "ctime", "setxattr", os.setxattr, path, "user.x", b"1")
    _expect(t, path, "ctime", "removexattr", os.removexattr, path, "user.x")


def links_set_the_files_ctime_and_the_directorys_mtime(t):
    """link(2), unlink(2)."""
    folder = t.folder("folder")
    path = t.file("file", b"abc")
    _expect(t, path, "ctime", "link", os.link, path, f"{folder}/link")
    _expect(t, path, "ctime", "unlink of a link", os.unlink, f"{folder}/link")
    _expect(t, folder, "mtime ctime", "link", os.link, path, f"{folder}/link")
    _expect(t, folder, "mtime ctime", "unlink", os.unlink, f"{folder}/link")


def a_rename_sets_both_directories_times(t):
    """rename(2); and on Linux the file's ctime."""
    first, second = t.folder("first"), t.folder("second")
    t.file("first/file")
    before = age(first)
    _expect(t, second, "mtime ctime", "rename", os.rename, f"{first}/file", f"{second}/file")
    after = times_of(first)
    t.true(after["mtime"] > before["mtime"] and after["ctime"] > before["ctime"], f"the source directory's times {after}")
    before = times_of(f"{second}/file")
    t.wait_for_new_time()
    os.rename(f"{second}/file", f"{first}/file")
    t.true(times_of(f"{first}/file")["ctime"] > before["ctime"], "the file's ctime is new")


def rmdir_sets_the_directorys_times(t):
    """rmdir(2)."""
    folder = t.folder("folder")
    os.mkdir(f"{folder}/inner")
    _expect(t, folder, "mtime ctime", "rmdir", os.rmdir, f"{folder}/inner")


def allocation_sets_ctime(t):
    """fallocate(2) that makes the file longer: mtime too on ext4, on tmpfs ctime alone."""
    path = t.file("file", b"abc")
    fd = os.open(path, os.O_RDWR)
    changed = _changed(t, path, os.posix_fallocate, fd, 0, 8192)
    t.true("ctime" in changed and "atime" not in changed, f"the times that fallocate sets: {changed}")


def copy_file_range_sets_the_targets_mtime(t):
    """copy_file_range(2)."""
    source, path = t.file("source", b"abc"), t.file("file")
    _expect(t, path, "mtime ctime", "copy_file_range",
            lambda: os.copy_file_range(os.open(source, os.O_RDONLY), os.open(path, os.O_WRONLY), 3))


def the_time_of_a_write_stays_when_the_file_is_closed(t):
    """What stat tells before and after close and fsync is the same."""
    path = t.file("file")
    age(path)
    fd = os.open(path, os.O_WRONLY)
    os.write(fd, b"x" * 10_000)
    before = os.fstat(fd).st_mtime_ns
    t.true(before > OLD, "mtime is new")
    os.fsync(fd)
    t.equal(os.fstat(fd).st_mtime_ns, before, "mtime after fsync")
    os.close(fd)
    t.equal(os.stat(path).st_mtime_ns, before, "mtime after close")


def a_stored_mapping_sets_mtime(t):
    """mmap(2): between the store and the next msync."""
    path = t.file("file", bytes(4096))
    fd = os.open(path, os.O_RDWR)
    try:
        mapping = mmap.mmap(fd, 4096)
    except OSError as error:
        t.true(error.errno == errno.ENODEV and t.has("direct") and t.on_fuse("a file that is opened with direct I/O cannot be mapped shared"), f"it can be mapped: {error}")
        return
    with mapping:
        changed = _changed(t, path, lambda: (mapping.__setitem__(0, 1), mapping.flush()))
    t.true({"mtime", "ctime"} <= changed, f"the times that a store sets: {changed}")


def an_owner_can_read_without_setting_atime(t):
    """open(2), O_NOATIME; EPERM for others."""
    path = t.file("file", b"abc", 0o644, ALICE)
    t.fails(errno.EPERM, t.as_user, BOB, os.open, path, os.O_RDONLY | os.O_NOATIME)
    if t.on_fuse("O_NOATIME does not reach the host, whose kernel would judge it by the daemon: atime is set"):
        expected = "atime"
    else:
        expected = ""
    if not t.has("cached"):
        _expect(t, path, expected, "read with O_NOATIME", t.as_user, ALICE, lambda: os.read(os.open(path, os.O_RDONLY | os.O_NOATIME), 3))


def access_times_are_kept_as_the_mount_says(t):
    """mount(2): noatime, relatime, strictatime, on a bind mount of the target in a namespace of its own."""
    path, place = t.file("file", b"abc"), t.folder("place")

    def atime_set_by_a_second_read(flags):
        system.leave_mount_namespace()
        system.mount(t.directory, place, None, system.MS_BIND)
        system.mount("none", place, None, system.MS_BIND | system.MS_REMOUNT | flags)
        status = os.stat(place + "/file")
        # Newer than mtime and ctime, also by a server's clock, and not a day old: relatime leaves it as it is.
        recent = time.time_ns() + 3600 * 10**9
        os.utime(path, ns=(recent, OLD))
        t.wait_for_new_time()
        with open(place + "/file", "rb") as file:
            file.read()
        return os.stat(place + "/file").st_atime_ns != recent and status.st_size == 3

    expected = {system.MS_NOATIME: False, system.MS_RELATIME: False, system.MS_STRICTATIME: True}
    if t.on_fuse(CACHED):
        expected[system.MS_STRICTATIME] = False
    for flags, changes in expected.items():
        t.equal(t.in_child(atime_set_by_a_second_read, flags), changes, f"whether a read sets a recent atime under flags {flags:#x}")


def the_birth_time_is_constant(t):
    """statx(2), STATX_BTIME."""
    path = t.file("file")
    birth = system.birth_time(path)
    t.true(birth is not None, "there is one")
    t.wait_for_new_time()
    os.truncate(path, 5)
    os.rename(path, t.path("renamed"))
    t.equal(system.birth_time(t.path("renamed")), birth, "the birth time")
