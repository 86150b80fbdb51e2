"""Names of files: link(2), symlink(2), unlink(2), rmdir(2), inode(7)."""

import errno
import os
import stat

from suite import system
from suite.users import ALICE, BOB


def a_link_is_another_name_of_the_file(t):
    """link(2): one inode, its attributes and content."""
    path = t.file("file", b"abc")
    os.link(path, t.path("link"))
    first, second = os.stat(path), os.stat(t.path("link"))
    t.equal((second.st_ino, second.st_dev, second.st_nlink), (first.st_ino, first.st_dev, 2), "inode number, device and links")
    os.chmod(path, 0o600)
    os.truncate(t.path("link"), 1)
    t.equal((t.mode(t.path("link")), os.stat(path).st_size), (0o600, 1), "mode and size by the other name")


def the_link_count_is_of_the_names(t):
    """inode(7), st_nlink: as seen by each name and by a descriptor."""
    path = t.file("file")
    fd = os.open(path, os.O_RDONLY)
    for number in range(2, 12):
        os.link(path, t.path(f"link{number}"))
        t.equal((os.stat(path).st_nlink, os.fstat(fd).st_nlink, os.stat(t.path(f"link{number}")).st_nlink), (number,) * 3, "the links")
    for number in range(11, 1, -1):
        os.unlink(t.path(f"link{number}"))
        t.equal((os.stat(path).st_nlink, os.fstat(fd).st_nlink), (number - 1,) * 2, "the links")
    os.unlink(path)
    t.equal(os.fstat(fd).st_nlink, 0, "the links of a file without a name")


def a_directorys_count_is_of_its_subdirectories(t):
    """inode(7): two, and one for the ".." of each."""
    folder = t.folder("folder")
    t.equal(os.stat(folder).st_nlink, 2, "the links of an empty directory")
    os.mkdir(f"{folder}/a")
    os.mkdir(f"{folder}/b")
    t.file("folder/file")
    t.equal(os.stat(folder).st_nlink, 4, "the links")
    os.rmdir(f"{folder}/a")
    t.equal(os.stat(folder).st_nlink, 3, "the links after rmdir")


def every_kind_of_file_but_a_directory_can_be_linked(t):
    """link(2), EPERM; a symbolic link itself, as Linux does."""
    os.mkfifo(t.path("fifo"))
    os.symlink("nowhere", t.path("symlink"))
    for name in ("fifo", "symlink"):
        os.link(t.path(name), t.path(name + "2"), follow_symlinks=False)
        t.equal(os.lstat(t.path(name + "2")).st_ino, os.lstat(t.path(name)).st_ino, f"the inode number of the {name}")
    t.fails(errno.EPERM, os.link, t.folder("folder"), t.path("new"))


def a_link_never_replaces(t):
    """link(2), symlink(2), mkdir(2), mknod(2): EEXIST, whatever is there."""
    path = t.file("file")
    os.symlink("nowhere", t.path("symlink"))
    for there in (t.file("other"), t.folder("folder"), t.path("symlink"), path):
        t.fails(errno.EEXIST, os.link, path, there)
        t.fails(errno.EEXIST, os.symlink, "x", there)
        t.fails(errno.EEXIST, os.mkdir, there)
        t.fails(errno.EEXIST, os.mkfifo, there)


def the_text_of_a_link_is_kept(t):
    """symlink(2): up to PATH_MAX less one byte; st_size is its length. ENAMETOOLONG beyond, ENOENT for none."""
    for text in (b"x", b"a/../b//c", bytes(range(1, 256)), b"/" + b"t" * 300, b"d/" * 2000, b"y" * 4095):
        path = t.path(f"link{len(text)}")
        os.symlink(text, path)
        t.equal(os.readlink(os.fsencode(path)), text, "the text")
        t.equal(os.lstat(path).st_size, len(text), "the size")
    t.fails(errno.ENAMETOOLONG, os.symlink, b"z" * 4096, t.path("long"))
    t.fails(errno.ENOENT, os.symlink, b"", t.path("empty"))


def links_are_followed_forty_times(t):
    """path_resolution(7), ELOOP."""
    t.file("link0", b"end")
    for number in range(1, 42):
        os.symlink(f"link{number - 1}", t.path(f"link{number}"))
    t.equal(t.read(t.path("link40")), b"end", "the content behind forty links")
    t.fails(errno.ELOOP, os.stat, t.path("link41"))
    os.symlink("self", t.path("self"))
    t.fails(errno.ELOOP, os.stat, t.path("self"))


def a_file_is_made_where_a_link_points(t):
    """open(2), O_CREAT through a link that leads nowhere; with O_EXCL it is EEXIST."""
    os.symlink("made", t.path("link"))
    t.fails(errno.EEXIST, os.open, t.path("link"), os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    t.fails(errno.ENOENT, os.open, t.path("link"), os.O_RDONLY)
    os.close(os.open(t.path("link"), os.O_CREAT | os.O_WRONLY, 0o644))
    t.true(os.path.isfile(t.path("made")), "the file is there")


def a_component_that_is_no_directory_is_ENOTDIR(t):
    """path_resolution(7): a file before a slash, also at the end."""
    path = t.file("file")
    for action in (os.stat, os.listdir, os.unlink, os.mkdir):
        t.fails(errno.ENOTDIR, action, path + "/x")
    t.fails(errno.ENOTDIR, os.stat, path + "/")
    t.fails(errno.ENOTDIR, os.rmdir, path)


def unlink_is_not_for_directories(t):
    """unlink(2), EISDIR on Linux; rmdir(2), ENOTEMPTY, and EINVAL for "."."""
    folder = t.folder("folder")
    t.file("folder/file")
    t.fails(errno.EISDIR, os.unlink, folder)
    t.fails((errno.ENOTEMPTY, errno.EEXIST), os.rmdir, folder)
    t.fails(errno.EINVAL, os.rmdir, folder + "/.")
    t.fails((errno.ENOTEMPTY, errno.EEXIST), os.rmdir, folder + "/..")
    t.fails(errno.ENOENT, os.unlink, t.path("none"))


def an_open_file_without_a_name_is_used_as_before(t):
    """unlink(2): each call that takes a descriptor."""
    path = t.file("file", b"abc")
    fd = os.open(path, os.O_RDWR)
    inode = os.fstat(fd).st_ino
    os.unlink(path)
    t.file("file", b"another")
    os.pwrite(fd, b"longer", 2)
    t.equal(os.pread(fd, 99, 0), b"ablonger", "the content")
    os.ftruncate(fd, 4)
    os.fchmod(fd, 0o640)
    os.fchown(fd, BOB.uid, BOB.gid)
    os.utime(fd, ns=(5, 6))
    os.posix_fallocate(fd, 0, 8192)
    os.fsync(fd)
    status = os.fstat(fd)
    t.equal((status.st_ino, status.st_nlink, status.st_size, stat.S_IMODE(status.st_mode), status.st_uid), (inode, 0, 8192, 0o640, BOB.uid), "what fstat tells")
    t.equal(t.read(path), b"another", "the content of the new file of that name")
    again = os.open(f"/proc/self/fd/{fd}", os.O_RDWR)
    t.equal(os.pread(again, 4, 0), b"ablo", "the content by a second open")


def a_file_without_a_name_stays_for_each_of_its_users(t):
    """Also for another process, and when the first descriptor is closed."""
    path = t.file("file", b"abc")
    first, second = os.open(path, os.O_RDONLY), os.open(path, os.O_RDWR)
    os.unlink(path)
    os.close(first)
    t.equal(t.in_child(os.pread, second, 9, 0), b"abc", "the content")
    os.write(second, b"x")
    t.equal(os.pread(second, 9, 0), b"xbc", "the content after a write")


def a_file_without_a_name_cannot_be_linked(t):
    """linkat(2), ENOENT: once the last name is gone it does not come back."""
    path = t.file("file")
    fd = os.open(path, os.O_RDWR)
    os.unlink(path)
    t.fails(errno.ENOENT, system.link_descriptor, fd, t.path("new"))


def an_open_file_can_be_linked_by_its_descriptor(t):
    """linkat(2), AT_SYMLINK_FOLLOW of /proc/self/fd/N."""
    fd = os.open(t.file("file", b"abc"), os.O_RDONLY)
    os.rename(t.path("file"), t.path("renamed"))
    system.link_descriptor(fd, t.path("link"))
    t.equal((t.read(t.path("link")), os.fstat(fd).st_nlink), (b"abc", 2), "content and links")


def a_temporary_file_has_no_name_until_it_is_linked(t):
    """open(2), O_TMPFILE."""
    fd = os.open(t.directory, os.O_TMPFILE | os.O_RDWR, 0o640)
    os.write(fd, b"abc")
    t.equal((os.listdir(t.directory), os.fstat(fd).st_nlink), ([], 0), "names and links")
    system.link_descriptor(fd, t.path("named"))
    t.equal((os.fstat(fd).st_nlink, os.stat(t.path("named")).st_ino, t.mode(t.path("named"))), (1, os.fstat(fd).st_ino, 0o640), "links, inode number, mode")
    os.write(fd, b"def")
    t.equal(t.read(t.path("named")), b"abcdef", "the content")


def an_exclusive_temporary_file_never_gets_a_name(t):
    """open(2), O_TMPFILE | O_EXCL: linkat is ENOENT."""
    fd = os.open(t.directory, os.O_TMPFILE | os.O_RDWR | os.O_EXCL, 0o640)
    t.fails(errno.ENOENT, system.link_descriptor, fd, t.path("named"))


def a_temporary_file_is_for_writing(t):
    """open(2), O_TMPFILE: EINVAL for reading alone; needs w in the directory."""
    folder = t.folder("folder", 0o755)
    t.fails(errno.EINVAL, os.open, folder, os.O_TMPFILE | os.O_RDONLY)
    t.fails(errno.EACCES, t.as_user, ALICE, os.open, folder, os.O_TMPFILE | os.O_RDWR, 0o600)


def a_removed_directory_is_empty_and_takes_no_names(t):
    """rmdir(2), ENOENT: for who has it open or works in it."""
    folder = t.folder("folder")

    def stay():
        os.chdir(folder)
        fd = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
        os.rmdir(folder)
        t.fails(errno.ENOENT, os.getcwd)
        t.fails(errno.ENOENT, os.open, "new", os.O_CREAT | os.O_WRONLY)
        t.fails(errno.ENOENT, os.mkdir, "new")
        t.fails(errno.ENOENT, os.stat, "new")
        t.equal(os.listdir(fd), [], "the names in it")
        return os.fstat(fd).st_nlink

    t.equal(t.in_child(stay), 0, "its links")


def many_links_of_one_file_are_one_file(t):
    """In many directories at once."""
    path = t.file("file", b"abc")
    for number in range(20):
        os.mkdir(t.path(f"d{number}"))
        os.link(path, t.path(f"d{number}", "link"))
    t.equal({os.stat(t.path(f"d{number}", "link")).st_ino for number in range(20)}, {os.stat(path).st_ino}, "the inode numbers")
    t.equal(os.stat(path).st_nlink, 21, "the links")
