"""System calls that the os module lacks, by libc and by number (x64 and arm64), with errors as OSError."""

import ctypes
import os
import struct

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long

# asm/unistd_64.h and asm-generic/unistd.h
_NUMBERS = {
    "x86_64": {"renameat2": 316, "getdents64": 217, "capset": 126, "capget": 125, "statx": 332, "linkat": 265, "setfsuid": 122, "setfsgid": 123,
               "fchmodat2": 452},
    "aarch64": {"renameat2": 276, "getdents64": 61, "capset": 91, "capget": 90, "statx": 291, "linkat": 37, "setfsuid": 151, "setfsgid": 152,
                "fchmodat2": 452},
}[os.uname().machine]

AT_FDCWD = -100
AT_SYMLINK_FOLLOW = 0x400
AT_EMPTY_PATH = 0x1000

RENAME_NOREPLACE = 1
RENAME_EXCHANGE = 2
RENAME_WHITEOUT = 4

FALLOC_FL_KEEP_SIZE = 1
FALLOC_FL_PUNCH_HOLE = 2
FALLOC_FL_COLLAPSE_RANGE = 8
FALLOC_FL_ZERO_RANGE = 16
FALLOC_FL_INSERT_RANGE = 32

CLONE_NEWNS = 0x20000
MS_RDONLY = 1
MS_NOATIME = 1024
MS_REMOUNT = 32
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
MS_RELATIME = 1 << 21
MS_STRICTATIME = 1 << 24

CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_FSETID = range(5)
CAP_LINUX_IMMUTABLE, CAP_MKNOD, CAP_SYS_ADMIN = 9, 27, 21

UTIME_NOW = (1 << 30) - 1
UTIME_OMIT = (1 << 30) - 2


def _check(result, path=None):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), path)
    return result


def _call(name, *arguments):
    return _check(_libc.syscall(_NUMBERS[name], *[ctypes.c_long(argument) if isinstance(argument, int) else argument for argument in arguments]))


def rename(source, target, flags=0):
    """renameat2(2)."""
    _call("renameat2", AT_FDCWD, os.fsencode(source), AT_FDCWD, os.fsencode(target), flags)


def link_descriptor(fd, target):
    """linkat(2) of what /proc/self/fd/N stands for."""
    _call("linkat", AT_FDCWD, b"/proc/self/fd/%d" % fd, AT_FDCWD, os.fsencode(target), AT_SYMLINK_FOLLOW)


def change_mode_no_follow(path, mode):
    """fchmodat2(2) with AT_SYMLINK_NOFOLLOW."""
    _call("fchmodat2", AT_FDCWD, os.fsencode(path), mode, 0x100)


def allocate(fd, mode, offset, length):
    """fallocate(2)."""
    _libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
    _check(_libc.fallocate(fd, mode, offset, length))


def map_shared(fd, length):
    """mmap(2), MAP_SHARED: an array, which may be longer than the file. It stays until the process ends."""
    _libc.mmap.restype = ctypes.c_void_p
    _libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_int64]
    address = _libc.mmap(None, length, 3, 1, fd, 0)
    if address == ctypes.c_void_p(-1).value:
        _check(-1)
    return memoryview((ctypes.c_ubyte * length).from_address(address)).cast("B")


def sync_file_system(fd):
    """syncfs(2)."""
    _check(_libc.syncfs(fd))


def set_times(path, access, modify, follow=True):
    """utimensat(2); each time is (seconds, nanoseconds)."""
    _libc.utimensat.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int]
    _check(_libc.utimensat(AT_FDCWD, os.fsencode(path), struct.pack("=qqqq", *access, *modify), 0 if follow else 0x100), path)


def mount(source, target, kind, flags, data=None):
    """mount(2)."""
    _libc.mount.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p]
    _check(_libc.mount(os.fsencode(source), os.fsencode(target), os.fsencode(kind) if kind else None, flags, data))


def unmount(target):
    """umount2(2) with MNT_DETACH."""
    _check(_libc.umount2(os.fsencode(target), 2))


def leave_mount_namespace():
    """What is mounted from here on is seen by this process and its children alone, and goes with them."""
    _check(_libc.unshare(CLONE_NEWNS))
    mount("none", "/", None, MS_REC | MS_PRIVATE)


def set_file_system_ids(uid, gid):
    """setfsgid(2) and setfsuid(2), which never fail."""
    _libc.syscall(_NUMBERS["setfsgid"], ctypes.c_long(gid))
    _libc.syscall(_NUMBERS["setfsuid"], ctypes.c_long(uid))


def drop_capabilities(*dropped):
    """Takes capabilities out of the effective, permitted and inheritable sets; all of them if none is named."""
    header = struct.pack("=Ii", 0x20080522, 0)
    data = ctypes.create_string_buffer(24)
    _call("capget", header, data)
    sets = list(struct.unpack("=6I", data.raw))
    for capability in dropped or range(64):
        word, bit = divmod(capability, 32)
        for index in range(3):
            sets[word * 3 + index] &= ~(1 << bit)
    _call("capset", header, struct.pack("=6I", *sets))


_directory_buffer = ctypes.create_string_buffer(4096)


def read_entries(fd):
    """One getdents64(2) with a small buffer: a list of (name, inode number, type, offset of the next entry)."""
    length = _call("getdents64", fd, _directory_buffer, len(_directory_buffer))
    entries, position, raw = [], 0, _directory_buffer.raw
    while position < length:
        inode, offset, size, kind = struct.unpack_from("=QqHB", raw, position)
        name = raw[position + 19:position + size]
        entries.append((name[:name.index(0)], inode, kind, offset))
        position += size
    return entries


def birth_time(path):
    """statx(2): the time of birth as (seconds, nanoseconds), or None if the file system has none."""
    buffer = ctypes.create_string_buffer(256)
    _call("statx", AT_FDCWD, os.fsencode(path), 0, 0xFFF, buffer)
    if not struct.unpack_from("=I", buffer.raw, 0)[0] & 0x800:
        return None
    return struct.unpack_from("=qI", buffer.raw, 80)
