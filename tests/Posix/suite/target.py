"""The file system that the rules are tried on, and what it offers."""

import ctypes
import os
import struct

EXT4, TMPFS, FUSE = 0xEF53, 0x01021994, 0x65735546

KINDS = {EXT4: "ext4", TMPFS: "tmpfs", FUSE: "fuse"}


class Target:
    """A directory, and the features that rules can need: found by trying them, but for those that the command line tells."""

    def __init__(self, path, backing, told):
        self.path = os.path.abspath(path)
        # The same directory without the file system under test in between.
        self.backing = backing and os.path.abspath(backing)
        self.kind = KINDS.get(_magic(self.path), "other")
        self.features = frozenset(told) | self._find()

    @property
    def writable(self):
        """A directory that is surely the target's and can be changed."""
        return self.backing if "read-only" in self.features else self.path

    def enter(self, name):
        """Makes a directory and goes on in it."""
        os.mkdir(os.path.join(self.writable, name))
        os.chmod(os.path.join(self.writable, name), 0o755)
        self.path = os.path.join(self.path, name)
        self.backing = self.backing and os.path.join(self.backing, name)

    def _find(self):
        found = {self.kind}
        if self.backing:
            found.add("backing")
        if os.statvfs(self.path).f_flag & os.ST_RDONLY:
            return found | {"read-only"}
        # A directory that refuses changes although its mount does not say so is read-only as well.
        probe = os.path.join(self.path, f".probe-{os.getpid()}")
        try:
            os.close(os.open(probe, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except OSError:
            return found | {"read-only"}
        try:
            found.add("read-write")
            if _accepts(probe, "user.probe", b"1"):
                found.add("xattr")
            entries = [(1, 6, 0xFFFFFFFF), (2, 4, 41001), (4, 4, 0xFFFFFFFF), (16, 4, 0xFFFFFFFF), (32, 0, 0xFFFFFFFF)]
            acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
            if _accepts(probe, "system.posix_acl_access", acl):
                found.add("acl")
        finally:
            os.unlink(probe)
        return found


def _accepts(path, name, value):
    try:
        os.setxattr(path, name, value)
    except OSError:
        return False
    return True


def _magic(path):
    # struct statfs begins with the type, a long.
    buffer = ctypes.create_string_buffer(256)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.statfs(os.fsencode(path), buffer) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), path)
    return ctypes.c_long.from_buffer(buffer).value & 0xFFFFFFFF
