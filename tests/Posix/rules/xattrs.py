"""Extended attributes: xattr(7), setxattr(2), getxattr(2), listxattr(2)."""

import ctypes
import errno
import os

from suite import system
from suite.rule import needs
from suite.users import ALICE, BOB

_libc = ctypes.CDLL(None, use_errno=True)


def _size_of(path, name, room):
    """getxattr(2) into so many bytes."""
    result = _libc.getxattr(os.fsencode(path), name.encode(), ctypes.create_string_buffer(max(room, 1)), ctypes.c_size_t(room))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def _size_of_list(path, room):
    """listxattr(2) into so many bytes."""
    result = _libc.listxattr(os.fsencode(path), ctypes.create_string_buffer(max(room, 1)), ctypes.c_size_t(room))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


@needs("xattr")
def a_value_is_kept_byte_for_byte(t):
    """setxattr(2): on files and directories, by path and by descriptor; an empty one too."""
    for path in (t.file("file"), t.folder("folder")):
        for value in (b"", b"\0", bytes(range(256)), b"x" * 3000):
            os.setxattr(path, "user.value", value)
            t.equal(os.getxattr(path, "user.value"), value, "the value")
        fd = os.open(path, os.O_RDONLY)
        os.setxattr(fd, "user.by-descriptor", b"1")
        t.equal((os.getxattr(fd, "user.value"), os.getxattr(path, "user.by-descriptor")), (b"x" * 3000, b"1"), "the values by descriptor")


@needs("xattr")
def CREATE_and_REPLACE_say_what_may_be_there(t):
    """setxattr(2): EEXIST, ENODATA."""
    path = t.file("file")
    t.fails(errno.ENODATA, os.setxattr, path, "user.a", b"1", os.XATTR_REPLACE)
    os.setxattr(path, "user.a", b"1", os.XATTR_CREATE)
    t.fails(errno.EEXIST, os.setxattr, path, "user.a", b"2", os.XATTR_CREATE)
    t.equal(os.getxattr(path, "user.a"), b"1", "the value")
    os.setxattr(path, "user.a", b"3", os.XATTR_REPLACE)
    t.equal(os.getxattr(path, "user.a"), b"3", "the value")


@needs("xattr")
def what_is_not_there_is_ENODATA(t):
    """getxattr(2), removexattr(2)."""
    path = t.file("file")
    t.fails(errno.ENODATA, os.getxattr, path, "user.none")
    t.fails(errno.ENODATA, os.removexattr, path, "user.none")
    os.setxattr(path, "user.a", b"1")
    os.removexattr(path, "user.a")
    t.fails(errno.ENODATA, os.getxattr, path, "user.a")


@needs("xattr")
def a_list_has_each_name_once(t):
    """listxattr(2)."""
    path = t.file("file")
    names = [f"user.name{number}" for number in range(20)]
    for name in names:
        os.setxattr(path, name, b"1")
        os.setxattr(path, name, b"2")
    t.equal(sorted(name for name in os.listxattr(path) if name.startswith("user.")), sorted(names), "the names")


@needs("xattr")
def too_little_room_is_ERANGE_and_none_asks_for_the_size(t):
    """getxattr(2), listxattr(2)."""
    path = t.file("file")
    os.setxattr(path, "user.value", b"x" * 100)
    t.equal((_size_of(path, "user.value", 0), _size_of(path, "user.value", 100), _size_of(path, "user.value", 65_536)), (100, 100, 100), "the sizes")
    t.fails(errno.ERANGE, _size_of, path, "user.value", 99)
    size = _size_of_list(path, 0)
    t.equal(_size_of_list(path, size), size, "the size of the list")
    t.fails(errno.ERANGE, _size_of_list, path, size - 1)


@needs("xattr")
def values_may_be_as_large_as_the_file_system_takes(t):
    """xattr(7): 64 KiB at most (E2BIG); ext4 has one block for all (ENOSPC), tmpfs more."""
    path = t.file("file")
    largest = 0
    for size in (1000, 3900, 16_000, 65_536):
        try:
            os.setxattr(path, "user.large", b"x" * size)
            largest = size
        except OSError as error:
            t.true(error.errno in (errno.ENOSPC, errno.E2BIG), f"a value of {size} bytes: {error}")
            break
    t.true(largest >= 3900, f"the largest value: {largest}")
    t.equal(len(os.getxattr(path, "user.large")), largest, "the value's size")
    t.fails(errno.E2BIG, os.setxattr, path, "user.large", b"x" * 65_537)


@needs("xattr")
def names_have_255_bytes_at_most(t):
    """xattr(7): ERANGE beyond; no namespace, or no name in it, is EOPNOTSUPP or EINVAL."""
    path = t.file("file")
    os.setxattr(path, "user." + "n" * 250, b"1")
    t.equal(os.getxattr(path, "user." + "n" * 250), b"1", "the value")
    t.fails(errno.ERANGE, os.setxattr, path, "user." + "n" * 251, b"1")
    t.fails((errno.EOPNOTSUPP, errno.EINVAL), os.setxattr, path, "none.such", b"1")
    t.fails((errno.EOPNOTSUPP, errno.EINVAL), os.setxattr, path, "user.", b"1")
    t.fails(errno.ERANGE, os.setxattr, path, "", b"1")


@needs("xattr")
def user_attributes_follow_the_permissions_of_the_file(t):
    """xattr(7): r to read, w to change."""
    path = t.file("file", mode=0o604, user=ALICE)
    t.as_user(ALICE, os.setxattr, path, "user.a", b"1")
    t.fails(errno.EACCES, t.as_user, BOB, os.setxattr, path, "user.a", b"2")
    t.fails(errno.EACCES, t.as_user, BOB, os.removexattr, path, "user.a")
    t.equal(t.as_user(BOB, os.getxattr, path, "user.a"), b"1", "the value")
    os.chmod(path, 0o600)
    t.fails(errno.EACCES, t.as_user, BOB, os.getxattr, path, "user.a")


@needs("xattr")
def user_attributes_are_for_files_and_directories(t):
    """xattr(7), EPERM: not for links, FIFOs and devices."""
    os.symlink("nowhere", t.path("link"))
    os.mkfifo(t.path("fifo"))
    for name in ("link", "fifo"):
        t.fails(errno.EPERM, os.setxattr, t.path(name), "user.a", b"1", follow_symlinks=False)
    sticky = t.folder("sticky", 0o1777, ALICE)
    t.fails(errno.EPERM, t.as_user, BOB, os.setxattr, sticky, "user.a", b"1")
    t.as_user(ALICE, os.setxattr, sticky, "user.a", b"1")


@needs("xattr")
def trusted_attributes_are_for_CAP_SYS_ADMIN(t):
    """xattr(7): others can neither set nor get them, and do not see their names. On links too."""
    path = t.file("file", mode=0o666, user=ALICE)
    os.symlink("nowhere", t.path("link"))
    os.setxattr(path, "trusted.a", b"1")
    os.setxattr(t.path("link"), "trusted.a", b"2", follow_symlinks=False)
    t.equal(os.getxattr(t.path("link"), "trusted.a", follow_symlinks=False), b"2", "the link's value")
    t.equal("trusted.a" in os.listxattr(path), True, "whether root sees it")
    t.fails(errno.ENODATA, t.as_user, ALICE, os.getxattr, path, "trusted.a")
    t.fails(errno.EPERM, t.as_user, ALICE, os.setxattr, path, "trusted.a", b"3")
    t.fails(errno.EPERM, t.without_capabilities, (system.CAP_SYS_ADMIN,), os.setxattr, path, "trusted.a", b"3")
    listed = "trusted.a" in t.as_user(ALICE, os.listxattr, path)
    if t.on_fuse("LISTXATTR does not say what the caller may see, and the daemon may see all: names in trusted are listed for everybody"):
        t.equal(listed, True, "whether another user sees it")
        return
    t.equal(listed, False, "whether another user sees it")


@needs("xattr")
def security_attributes_are_read_by_all_and_set_by_root(t):
    """xattr(7); security.capability needs CAP_SETFCAP."""
    path = t.file("file", mode=0o666, user=ALICE)
    value = b"\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    t.fails(errno.EPERM, t.as_user, ALICE, os.setxattr, path, "security.capability", value)
    os.setxattr(path, "security.capability", value)
    t.equal(t.as_user(BOB, os.getxattr, path, "security.capability"), value, "the capabilities")
    t.fails((errno.EINVAL, errno.EPERM), os.setxattr, path, "security.capability", b"garbage")


@needs("xattr")
def attributes_belong_to_the_file_not_to_the_name(t):
    """Through rename(2), link(2) and without a name."""
    path = t.file("file")
    os.setxattr(path, "user.a", b"1")
    os.link(path, t.path("link"))
    os.rename(path, t.path("renamed"))
    t.equal(os.getxattr(t.path("link"), "user.a"), b"1", "the value by the link")
    fd = os.open(t.path("renamed"), os.O_RDWR)
    os.unlink(t.path("renamed"))
    os.unlink(t.path("link"))
    os.setxattr(fd, "user.b", b"2")
    t.equal((os.getxattr(fd, "user.a"), os.getxattr(fd, "user.b")), (b"1", b"2"), "the values without a name")


@needs("xattr")
def system_attributes_are_the_file_systems(t):
    """xattr(7): what is not known there is refused; no made-up name is kept."""
    path = t.file("file")
    t.fails((errno.EOPNOTSUPP, errno.EINVAL, errno.EPERM), os.setxattr, path, "system.made-up", b"1")
    t.fails((errno.EOPNOTSUPP, errno.ENODATA), os.getxattr, path, "system.made-up")
    t.equal(os.listxattr(path), [], "the names")


def without_attributes_all_is_EOPNOTSUPP(t):
    """A target that has none says so, for each call (and for lists shows none)."""
    path = t.file("file")
    if t.has("xattr"):
        os.setxattr(path, "user.a", b"1")
        return
    t.fails(errno.EOPNOTSUPP, os.setxattr, path, "user.a", b"1")
    t.fails(errno.EOPNOTSUPP, os.getxattr, path, "user.a")
    t.fails(errno.EOPNOTSUPP, os.removexattr, path, "user.a")
    try:
        t.equal(os.listxattr(path), [], "the names")
    except OSError as error:
        t.equal(error.errno, errno.EOPNOTSUPP, "the error of listing")
