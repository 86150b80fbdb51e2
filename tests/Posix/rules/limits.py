"""Many of something, and what lies at the borders: mounts, read-only file systems, descriptors."""

import errno
import os

from suite import system
from suite.files import clear
from suite.rule import needs


def many_open_files_are_each_their_own(t):
    """300 at once."""
    count = t.count(300)
    opened = []
    for number in range(count):
        fd = os.open(t.path(f"f{number}"), os.O_CREAT | os.O_RDWR, 0o600)
        os.write(fd, b"%d" % number)
        opened.append(fd)
    t.equal([os.pread(fd, 9, 0) for fd in opened], [b"%d" % number for number in range(count)], "the contents")


def many_files_can_be_made_looked_at_and_removed(t):
    """1,000 in 40 directories."""
    folders = t.count(40)
    for folder in range(folders):
        os.mkdir(t.path(f"d{folder}"))
        for number in range(25):
            os.close(os.open(t.path(f"d{folder}", f"f{number}"), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    found = sum(len(files) for _, _, files in os.walk(t.directory))
    t.equal(found, 25 * folders, "the files found")
    t.equal(os.stat(t.directory).st_nlink, 2 + folders, "the links of their directory")


def _know(t, folders, files):
    """Looks at that many files in that many directories, which are made on the host, and keeps the first open."""
    for folder in range(folders):
        os.mkdir(t.backing(f"d{folder}"))
        fd = os.open(t.backing(f"d{folder}"), os.O_RDONLY)
        for number in range(files):
            os.mknod(f"{number}", 0o100644, dir_fd=fd)
        os.close(fd)
    first = os.open(t.path("d0", "0"), os.O_RDWR)
    known = sum(1 for folder in range(folders) for number in range(files) if os.stat(t.path(f"d{folder}", f"{number}")).st_nlink == 1)
    t.equal(known, folders * files, "the files looked at")
    os.write(first, b"still here")
    t.equal(t.read(t.path("d0", "0")), b"still here", "the content of the first")
    for folder in range(folders):
        clear(t.backing(f"d{folder}"))


@needs("large", "fuse", "backing")
def fifty_thousand_files_are_known_at_once(t):
    """Many more than there are descriptors: each is looked up and stays in the client's cache, and the first is still good at the end."""
    _know(t, 25, 2000)


@needs("huge", "fuse", "backing")
def a_million_files_are_known_at_once(t):
    """The same in earnest: takes some minutes and gigabytes."""
    _know(t, 500, 2000)


def names_do_not_cross_file_systems(t):
    """rename(2), link(2), EXDEV: into what is mounted below; and a mount point is EBUSY."""
    folder, path = t.folder("mounted"), t.file("file")
    empty = t.folder("empty")

    def cross():
        system.leave_mount_namespace()
        system.mount("none", folder, "tmpfs", 0)
        t.fails(errno.EXDEV, os.rename, path, folder + "/new")
        t.fails(errno.EXDEV, os.link, path, folder + "/new")
        t.fails(errno.EBUSY, os.rmdir, folder)
        t.fails(errno.EBUSY, os.rename, folder, t.path("elsewhere"))
        t.fails((errno.EBUSY, errno.EEXIST, errno.ENOTEMPTY), os.rename, empty, folder)
        with open(folder + "/inside", "w", encoding="ascii") as file:
            file.write("inside")
        return os.stat(folder).st_dev != os.stat(t.directory).st_dev

    t.true(t.in_child(cross), "the mount has a device number of its own")
    t.equal(os.listdir(folder), [], "the names below the mount point")


@needs("read-only", "backing")
def a_read_only_file_system_refuses_all_changes(t):
    """EROFS: for each call that would change something; reading goes on."""
    with open(t.backing("file"), "w", encoding="ascii") as file:
        file.write("abc")
    os.mkdir(t.backing("folder"))
    os.symlink("file", t.backing("link"))
    path, folder, new = t.path("file"), t.path("folder"), t.path("new")
    for action, *arguments in (
            (os.open, path, os.O_WRONLY), (os.open, path, os.O_RDWR), (os.open, path, os.O_RDONLY | os.O_TRUNC), (os.open, new, os.O_CREAT | os.O_WRONLY),
            (os.open, folder, os.O_TMPFILE | os.O_RDWR), (os.mkdir, new), (os.mkfifo, new), (os.symlink, "x", new), (os.link, path, new), (os.unlink, path),
            (os.rmdir, folder), (os.rename, path, new), (os.rename, path, t.path("link")), (os.chmod, path, 0o600), (os.chown, path, 1, 1), (os.utime, path),
            (os.truncate, path, 0), (os.setxattr, path, "user.a", b"1"), (system.rename, path, folder, system.RENAME_EXCHANGE)):
        t.fails(errno.EROFS, action, *arguments)
    t.equal((t.read(path), sorted(os.listdir(t.directory)), os.readlink(t.path("link"))), (b"abc", ["file", "folder", "link"], "file"), "what is read")
    t.equal((os.access(path, os.R_OK), os.access(path, os.W_OK)), (True, False), "access to read and to write")
    t.true(os.open(path, os.O_CREAT | os.O_RDONLY) >= 0, "O_CREAT opens what is there")


@needs("read-only", "backing")
def a_read_only_file_system_shows_what_changes_behind_it(t):
    """The host goes on writing."""
    with open(t.backing("file"), "w", encoding="ascii") as file:
        file.write("abc")
    t.equal(t.read(t.path("file")), b"abc", "the content")
    os.unlink(t.backing("file"))
    with open(t.backing("file2"), "w", encoding="ascii") as file:
        file.write("longer")
    t.equal(t.read(t.path("file2")), b"longer", "the content of the new file")
