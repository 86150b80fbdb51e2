"""Listing: readdir(3), getdents64(2), telldir(3), seekdir(3)."""

import errno
import os
import stat

from suite import system
from suite.rule import needs

DT = {stat.S_IFREG: 8, stat.S_IFDIR: 4, stat.S_IFLNK: 10, stat.S_IFIFO: 1, stat.S_IFSOCK: 12, stat.S_IFCHR: 2, stat.S_IFBLK: 6}


def _entries(path):
    """All entries, by getdents64(2)."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    entries = []
    while batch := system.read_entries(fd):
        entries += batch
    os.close(fd)
    return entries


def _fill(folder, count):
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    for number in range(count):
        os.close(os.open(f"entry-{number:06d}", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644, dir_fd=fd))
    os.close(fd)


def _names(count):
    return {b"entry-%06d" % number for number in range(count)}


def dot_and_dot_dot_are_listed_with_their_inodes(t):
    """readdir(3): once each."""
    folder = t.folder("folder")
    t.folder("folder/inner")
    listed = {name: inode for name, inode, _, _ in _entries(folder + "/inner")}
    t.equal(listed, {b".": os.stat(folder + "/inner").st_ino, b"..": os.stat(folder).st_ino}, "names and inode numbers")


def types_and_inode_numbers_are_those_of_stat(t):
    """readdir(3), d_type and d_ino: of each kind of file."""
    t.file("regular")
    t.folder("folder")
    os.symlink("x", t.path("link"))
    os.mkfifo(t.path("fifo"))
    os.mknod(t.path("socket"), stat.S_IFSOCK | 0o600)
    os.mknod(t.path("character"), stat.S_IFCHR | 0o600, os.makedev(1, 3))
    os.mknod(t.path("block"), stat.S_IFBLK | 0o600, os.makedev(7, 0))
    listed = {os.fsdecode(name): (inode, kind) for name, inode, kind, _ in _entries(t.directory) if not name.startswith(b".")}
    expected = {name: (os.lstat(t.path(name)).st_ino, DT[stat.S_IFMT(os.lstat(t.path(name)).st_mode)]) for name in os.listdir(t.directory)}
    t.equal(listed, expected, "inode numbers and types")


def the_type_is_told_whatever_was_looked_up_before(t):
    """First listed, then looked at, and the other way round: the numbers are the same."""
    _fill(t.directory, 50)
    before = {name: inode for name, inode, _, _ in _entries(t.directory)}
    looked = {os.fsencode(name): os.stat(t.path(name)).st_ino for name in os.listdir(t.directory)}
    after = {name: inode for name, inode, _, _ in _entries(t.directory)}
    t.equal((before, {**after, **looked}), (after, after), "the inode numbers")


def a_position_is_found_again(t):
    """telldir(3), seekdir(3): the offset of each entry leads to the next, in any order."""
    _fill(t.directory, t.count(300))
    entries = _entries(t.directory)
    t.equal(len({offset for _, _, _, offset in entries}), len(entries), "how many offsets are different")
    fd = os.open(t.directory, os.O_RDONLY | os.O_DIRECTORY)
    for index in list(range(0, len(entries) - 1, 37)) + list(range(len(entries) - 2, 0, -41)):
        os.lseek(fd, entries[index][3], os.SEEK_SET)
        t.equal(system.read_entries(fd)[0][0], entries[index + 1][0], f"the entry after the offset of entry {index}")
    os.lseek(fd, entries[-1][3], os.SEEK_SET)
    t.equal(system.read_entries(fd), [], "the entries after the last")


def rewinding_sees_what_has_changed(t):
    """rewinddir(3)."""
    _fill(t.directory, 3)
    fd = os.open(t.directory, os.O_RDONLY | os.O_DIRECTORY)
    t.equal(len(system.read_entries(fd)), 5, "the entries")
    t.equal(system.read_entries(fd), [], "the entries after the end")
    t.file("new")
    os.unlink(t.path("entry-000001"))
    os.lseek(fd, 0, os.SEEK_SET)
    names = {name for name, *_ in system.read_entries(fd)}
    t.equal(names, {b".", b"..", b"entry-000000", b"entry-000002", b"new"}, "the names")


def _expect_each_name_once(t, count):
    """While others are made and removed between the listing's steps, and through offsets taken before."""
    _fill(t.backing() if t.has("backing") else t.directory, count)
    folder = os.open(t.directory, os.O_RDONLY | os.O_DIRECTORY)
    staying = {b"entry-%06d" % number for number in range(count) if number % 3}
    removed = iter(range(0, count, 3))
    seen, steps, saved = [], 0, None
    while batch := system.read_entries(folder):
        steps += 1
        seen += [name for name, *_ in batch]
        if steps % 2:
            for number in list(zip(range(20), removed)):
                os.unlink(t.path(f"entry-{number[1]:06d}"))
            os.close(os.open(t.path(f"new-{steps}"), os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        # What other programs do to the directory's positions: close it, open it and go on where it was.
        if steps % 7 == 0:
            saved = batch[-1][3]
            os.close(folder)
            folder = os.open(t.directory, os.O_RDONLY | os.O_DIRECTORY)
            os.lseek(folder, saved, os.SEEK_SET)
    old = [name for name in seen if name.startswith(b"entry-")]
    t.equal(len(old), len(set(old)), "how many different names of those listed")
    t.equal(staying - set(old), set(), "names that stayed and were not listed")
    new = [name for name in seen if name.startswith(b"new-")]
    t.equal(len(new), len(set(new)), "how many different new names of those listed")


def a_listing_sees_each_name_once_while_it_changes(t):
    """readdir(3): 1,000 entries."""
    _expect_each_name_once(t, t.count(1000))


@needs("large")
def a_listing_of_200000_names_sees_each_once_while_they_change(t):
    """The same of a directory that does not fit anyone's buffers."""
    _expect_each_name_once(t, 200_000)


def a_listing_that_removes_what_it_lists_removes_all(t):
    """rm -r."""
    folder = t.folder("folder")
    _fill(folder, t.count(500))
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    while batch := system.read_entries(fd):
        for name, *_ in batch:
            if not name.startswith(b"."):
                os.unlink(name, dir_fd=fd)
    t.equal(os.listdir(folder), [], "the names that are left")
    os.rmdir(folder)


def two_listings_do_not_disturb_each_other(t):
    """Each description has a position of its own; duplicates share one."""
    _fill(t.directory, 300)
    first, second = (os.open(t.directory, os.O_RDONLY | os.O_DIRECTORY) for _ in range(2))
    one, two = [], []
    while True:
        left, right = system.read_entries(first), system.read_entries(second)
        if not left and not right:
            break
        one, two = one + left, two + right
    t.equal((len(one), one), (302, two), "both listings")
    os.lseek(first, 0, os.SEEK_SET)
    shared = os.dup(first)
    t.true(system.read_entries(first)[0] != system.read_entries(shared)[0], "a duplicate goes on")


def a_listing_is_of_the_directory_that_was_opened(t):
    """Whatever is put in its place."""
    folder = t.folder("folder")
    _fill(folder, 3)
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    os.rename(folder, t.path("moved"))
    t.folder("folder")
    t.equal({name for name, *_ in system.read_entries(fd)} - {b".", b".."}, _names(3), "the names")


def inode_numbers_are_unique_and_stay(t):
    """inode(7): of files and directories, looked at twice."""
    count = t.count(60)
    for number in range(count):
        t.file(f"f{number}")
        t.folder(f"d{number}")
    first = {name: os.stat(t.path(name)).st_ino for name in os.listdir(t.directory)}
    t.equal(len(set(first.values())), 2 * count, "how many different numbers")
    os.fsync(os.open(t.directory, os.O_RDONLY))
    t.equal({name: os.stat(t.path(name)).st_ino for name in os.listdir(t.directory)}, first, "the numbers the second time")


def every_file_is_on_one_device(t):
    """stat(2), st_dev: below a mount point that has no other in it."""
    t.folder("a")
    t.file("a/file")
    os.symlink("x", t.path("link"))
    devices = {os.lstat(t.path(name)).st_dev for name in (".", "a", "a/file", "link")}
    t.equal(len(devices), 1, "how many different devices")


def what_is_no_directory_is_not_listed(t):
    """getdents64(2), ENOTDIR."""
    t.fails(errno.ENOTDIR, system.read_entries, os.open(t.file("file"), os.O_RDONLY))
    t.fails(errno.ENOENT, os.listdir, t.path("none"))


def a_deep_tree_is_made_and_removed(t):
    """100 directories deep; the parents are found by ".."."""
    os.makedirs(t.path(*["d"] * 100))
    path = t.path(*["d"] * 100)
    t.equal(os.stat(path + "/.." * 100).st_ino, os.stat(t.directory).st_ino, "the inode number of the top")
