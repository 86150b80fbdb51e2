"""Moving names: rename(2), renameat2(2)."""

import errno
import os
import stat

from suite import system
from suite.users import ALICE, BOB

BUSY_OR_INVALID = (errno.EBUSY, errno.EINVAL)
NOT_EMPTY = (errno.ENOTEMPTY, errno.EEXIST)


def a_rename_keeps_the_file(t):
    """Inode number, content, link count and open descriptors stay."""
    path = t.file("file", b"abc")
    fd, inode = os.open(path, os.O_RDWR), os.stat(path).st_ino
    os.rename(path, t.path("renamed"))
    t.fails(errno.ENOENT, os.stat, path)
    status = os.stat(t.path("renamed"))
    t.equal((status.st_ino, status.st_nlink, status.st_size), (inode, 1, 3), "inode number, links, size")
    os.pwrite(fd, b"x", 0)
    t.equal(t.read(t.path("renamed")), b"xbc", "the content")


def a_rename_to_another_directory_keeps_the_file(t):
    """Its identity, and the hard links that it has."""
    first, second = t.folder("first"), t.folder("second")
    path = t.file("first/file", b"abc")
    os.link(path, f"{first}/link")
    inode = os.stat(path).st_ino
    os.rename(path, f"{second}/moved")
    t.equal((os.stat(f"{second}/moved").st_ino, os.stat(f"{first}/link").st_ino), (inode, inode), "the inode numbers")
    t.equal(os.stat(f"{first}/link").st_nlink, 2, "the links")
    t.equal((os.listdir(first), os.listdir(second)), (["link"], ["moved"]), "the names")


def a_rename_replaces_a_file(t):
    """The replaced file lives on where it is open, without a name."""
    old, new = t.file("old", b"old"), t.file("new", b"new")
    fd = os.open(old, os.O_RDONLY)
    os.rename(new, old)
    t.equal((os.listdir(t.directory), t.read(old)), (["old"], b"new"), "names and content")
    t.equal((os.pread(fd, 9, 0), os.fstat(fd).st_nlink), (b"old", 0), "content and links of the replaced file")


def the_target_of_a_rename_is_never_missing(t):
    """Replacement is atomic: who looks for the name always finds it."""
    path = t.file("file", b"0")
    child = os.fork()
    if child == 0:
        try:
            for number in range(t.count(200)):
                fd = os.open(t.path("next"), os.O_CREAT | os.O_WRONLY, 0o644)
                os.write(fd, b"%d" % number)
                os.close(fd)
                os.rename(t.path("next"), path)
        finally:
            os._exit(0)
    seen = 0
    while os.waitpid(child, os.WNOHANG)[0] == 0:
        t.true(t.read(path) != b"", "the file has its whole content")
        seen += 1
    t.true(seen > 0, "it was looked at")


def a_rename_onto_itself_or_a_link_of_it_does_nothing(t):
    """rename(2): both names stay."""
    path = t.file("file")
    os.link(path, t.path("link"))
    os.rename(path, path)
    os.rename(path, t.path("link"))
    t.equal(sorted(os.listdir(t.directory)), ["file", "link"], "the names")


def NOREPLACE_leaves_what_is_there(t):
    """renameat2(2), EEXIST: also where it is a link that leads nowhere."""
    path, other = t.file("file", b"1"), t.file("other", b"2")
    os.symlink("nowhere", t.path("link"))
    for target in (other, t.path("link"), t.folder("folder"), path):
        t.fails(errno.EEXIST, system.rename, path, target, system.RENAME_NOREPLACE)
    system.rename(path, t.path("new"), system.RENAME_NOREPLACE)
    t.equal((t.read(t.path("new")), t.read(other)), (b"1", b"2"), "the contents")


def EXCHANGE_swaps_two_names_of_any_kinds(t):
    """renameat2(2)."""
    path, folder = t.file("file", b"1"), t.folder("folder")
    t.file("folder/inner")
    os.symlink("x", t.path("link"))
    inodes = os.stat(path).st_ino, os.stat(folder).st_ino
    system.rename(path, folder, system.RENAME_EXCHANGE)
    t.equal((os.stat(folder).st_ino, os.stat(path).st_ino), inodes, "the inode numbers")
    t.equal((t.read(folder), os.listdir(path)), (b"1", ["inner"]), "file and directory")
    system.rename(t.path("link"), path, system.RENAME_EXCHANGE)
    t.true(os.path.islink(path) and os.path.isdir(t.path("link")), "link and directory are swapped")


def EXCHANGE_across_directories_moves_the_link_counts(t):
    """A directory's count is of its subdirectories."""
    first, second = t.folder("first"), t.folder("second")
    os.mkdir(f"{first}/inner")
    t.file("second/file")
    system.rename(f"{first}/inner", f"{second}/file", system.RENAME_EXCHANGE)
    t.equal((os.stat(first).st_nlink, os.stat(second).st_nlink), (2, 3), "the links of both directories")


def EXCHANGE_needs_both_names(t):
    """renameat2(2), ENOENT."""
    path = t.file("file")
    t.fails(errno.ENOENT, system.rename, path, t.path("new"), system.RENAME_EXCHANGE)
    t.fails(errno.ENOENT, system.rename, t.path("new"), path, system.RENAME_EXCHANGE)


def WHITEOUT_leaves_a_whiteout_behind(t):
    """renameat2(2): a character device 0:0, for overlayfs."""
    path = t.file("file", b"1")
    system.rename(path, t.path("new"), system.RENAME_WHITEOUT)
    status = os.lstat(path)
    t.true(stat.S_ISCHR(status.st_mode), "it is a character device")
    t.equal((status.st_rdev, t.read(t.path("new"))), (0, b"1"), "device number, and content of the moved file")


def WHITEOUT_may_replace(t):
    """renameat2(2)."""
    path, other = t.file("file", b"1"), t.file("other", b"2")
    system.rename(path, other, system.RENAME_WHITEOUT)
    t.equal((t.read(other), stat.S_ISCHR(os.lstat(path).st_mode)), (b"1", True), "content, and whether there is a whiteout")


def flags_that_exclude_each_other_are_refused(t):
    """renameat2(2), EINVAL."""
    path, other = t.file("file"), t.file("other")
    for flags in (3, 6, 7, 8, 1 << 31):
        t.fails(errno.EINVAL, system.rename, path, other, flags)


def a_directory_replaces_an_empty_directory_only(t):
    """rename(2), ENOTEMPTY or EEXIST."""
    folder, empty, full = t.folder("folder"), t.folder("empty"), t.folder("full")
    t.file("folder/a")
    t.file("full/b")
    t.fails(NOT_EMPTY, os.rename, folder, full)
    os.rename(folder, empty)
    t.equal((os.listdir(empty), sorted(os.listdir(t.directory))), (["a"], ["empty", "full"]), "the names")


def files_and_directories_do_not_replace_each_other(t):
    """rename(2), EISDIR and ENOTDIR."""
    path, folder = t.file("file"), t.folder("folder")
    t.fails(errno.EISDIR, os.rename, path, folder)
    t.fails(errno.ENOTDIR, os.rename, folder, path)


def a_directory_does_not_move_into_itself(t):
    """rename(2), EINVAL; nor is it exchanged with what lies in it."""
    folder = t.folder("folder")
    os.makedirs(f"{folder}/inner/most")
    t.fails(errno.EINVAL, os.rename, folder, f"{folder}/inner/most/new")
    t.fails(errno.EINVAL, os.rename, folder, f"{folder}/new")
    t.fails(errno.EINVAL, system.rename, folder, f"{folder}/inner", system.RENAME_EXCHANGE)
    t.fails(NOT_EMPTY, os.rename, f"{folder}/inner/most", folder)


def a_moved_directory_has_a_new_parent(t):
    """".." follows, and both parents' link counts."""
    first, second = t.folder("first"), t.folder("second")
    os.mkdir(f"{first}/inner")
    t.file("first/inner/file")
    os.rename(f"{first}/inner", f"{second}/inner")
    t.equal((os.stat(first).st_nlink, os.stat(second).st_nlink), (2, 3), "the links of both directories")
    t.equal(os.stat(f"{second}/inner/..").st_ino, os.stat(second).st_ino, "the inode number of ..")
    t.equal(os.stat(f"{second}/inner").st_nlink, 2, "the links of the moved directory")


def a_working_directory_moves_along(t):
    """getcwd(2)."""
    first = t.folder("first")
    t.folder("second")
    os.mkdir(f"{first}/inner")

    def move():
        os.chdir(f"{first}/inner")
        os.rename(f"{first}/inner", t.path("second", "moved"))
        os.close(os.open("made", os.O_CREAT))
        return os.getcwd(), os.listdir(t.path("second", "moved"))

    t.equal(t.in_child(move), (t.path("second", "moved"), ["made"]), "working directory and names")


def moving_anothers_directory_elsewhere_needs_w_in_it(t):
    """rename(2), EACCES: its ".." changes. A new name in the same directory needs none."""
    t.folder("first", 0o777), t.folder("second", 0o777)
    t.folder("first/inner", 0o755, ALICE)
    t.fails(errno.EACCES, t.as_user, BOB, os.rename, t.path("first", "inner"), t.path("second", "inner"))
    t.as_user(BOB, os.rename, t.path("first", "inner"), t.path("first", "renamed"))


def dot_and_dot_dot_cannot_be_moved(t):
    """rename(2), EBUSY or EINVAL."""
    folder = t.folder("folder")
    for name in (f"{folder}/.", f"{folder}/.."):
        t.fails(BUSY_OR_INVALID, os.rename, name, t.path("new"))
        t.fails(BUSY_OR_INVALID + NOT_EMPTY, os.rename, t.folder(f"other{len(name)}"), name)


def a_slash_at_the_end_is_for_directories(t):
    """rename(2), ENOTDIR."""
    path, folder = t.file("file"), t.folder("folder")
    t.fails(errno.ENOTDIR, os.rename, path + "/", t.path("new"))
    t.fails(errno.ENOTDIR, os.rename, path, t.path("new/"))
    os.rename(folder + "/", t.path("new/"))
    t.true(os.path.isdir(t.path("new")), "the directory has its new name")


def a_link_is_moved_itself(t):
    """rename(2) does not follow the last component."""
    path = t.file("file", b"1")
    os.symlink("file", t.path("link"))
    os.rename(t.path("link"), t.path("moved"))
    t.equal((os.readlink(t.path("moved")), t.read(path)), ("file", b"1"), "the link, and the file's content")
    os.rename(path, t.path("moved"))
    t.true(not os.path.islink(t.path("moved")), "the link was replaced, not what it points to")


def a_missing_name_or_directory_is_ENOENT(t):
    """rename(2); a file as a directory is ENOTDIR."""
    path = t.file("file")
    t.fails(errno.ENOENT, os.rename, t.path("none"), t.path("new"))
    t.fails(errno.ENOENT, os.rename, path, t.path("none", "new"))
    t.fails(errno.ENOTDIR, os.rename, path, t.path("file", "new"))
