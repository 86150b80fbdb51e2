"""When setuid, setgid and file capabilities go: write(2), truncate(2), chown(2), capabilities(7)."""

import os
import struct

from suite import system
from suite.rule import needs
from suite.users import ALICE, BOB

# VFS_CAP_REVISION_2, effective, permitted CAP_NET_RAW.
CAPABILITY = struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0)


def _write(path):
    fd = os.open(path, os.O_WRONLY)
    os.write(fd, b"changed")
    os.close(fd)


def _truncate_open(path):
    fd = os.open(path, os.O_RDWR)
    os.ftruncate(fd, 3)
    os.close(fd)


def _open_empty(path):
    os.close(os.open(path, os.O_WRONLY | os.O_TRUNC))


def _allocate(path):
    fd = os.open(path, os.O_WRONLY)
    os.posix_fallocate(fd, 0, 8192)
    os.close(fd)


def _copy(path):
    fd = os.open(path, os.O_RDWR)
    os.copy_file_range(fd, fd, 5, 0, 1000)
    os.close(fd)


def _truncate(path):
    os.truncate(path, 3)


CHANGES = {"write": _write, "truncate": _truncate, "ftruncate": _truncate_open, "O_TRUNC": _open_empty, "fallocate": _allocate, "copy_file_range": _copy}


def _executable(t, name, mode, user=ALICE):
    return t.file(name, bytes(4096), mode, user)


def a_change_by_another_user_clears_setuid_and_setgid(t):
    """write(2): any that does not have CAP_FSETID. Each kind of change of content."""
    for name, change in CHANGES.items():
        path = _executable(t, name, 0o6777)
        t.as_user(BOB, change, path)
        t.equal(t.mode(path), 0o777, f"the mode after {name}")


def a_change_by_the_owner_clears_setuid_and_setgid(t):
    """The owner has no CAP_FSETID either."""
    for name, change in CHANGES.items():
        path = _executable(t, name, 0o6755)
        t.as_user(ALICE, change, path)
        t.equal(t.mode(path), 0o755, f"the mode after {name}")


def a_change_by_root_keeps_setuid_and_setgid(t):
    """CAP_FSETID."""
    for name, change in CHANGES.items():
        path = _executable(t, name, 0o6755)
        change(path)
        t.equal(t.mode(path), 0o6755, f"the mode after {name}")


def a_change_by_root_without_CAP_FSETID_clears_them(t):
    """capabilities(7): it is the capability that counts, not the uid."""
    kept = {}
    if t.kind == "fuse" and t.has("killpriv"):
        t.on_fuse("FALLOCATE and COPY_FILE_RANGE do not say whether the caller has CAP_FSETID: where the client leaves the clearing to the server "
                  "(HANDLE_KILLPRIV_V2), root keeps the bits in these two")
        kept = {"fallocate": 0o6755, "copy_file_range": 0o6755}
    for name, change in CHANGES.items():
        path = _executable(t, name, 0o6755, user=ALICE)
        t.without_capabilities((system.CAP_FSETID,), change, path)
        t.equal(t.mode(path), kept.get(name, 0o755), f"the mode after {name}")


def setgid_without_group_execute_stays(t):
    """Once the mark of mandatory locking; it gives no privilege. Only an owner of the file's group may have it stay."""
    for name in ("write", "truncate", "ftruncate", "O_TRUNC"):
        path = _executable(t, name, 0o2766)
        t.as_user(ALICE, CHANGES[name], path)
        t.equal(t.mode(path), 0o2766, f"the mode after {name}")


def reading_clears_nothing(t):
    """Nor does opening for writing."""
    path = _executable(t, "file", 0o6777)

    def use():
        fd = os.open(path, os.O_RDWR)
        os.pread(fd, 10, 0)
        os.close(fd)

    t.as_user(BOB, use)
    t.equal(t.mode(path), 0o6777, "the mode")


@needs("xattr")
def a_change_removes_file_capabilities(t):
    """capabilities(7): by whomever; CVE-2021-20263 is a daemon that forgot."""
    for name, change in {**CHANGES, "chown": lambda path: os.chown(path, BOB.uid, BOB.gid)}.items():
        path = _executable(t, name, 0o755)
        os.setxattr(path, "security.capability", CAPABILITY)
        change(path)
        t.equal("security.capability" in os.listxattr(path), False, f"whether it has capabilities after {name}")


@needs("xattr")
def reading_and_renaming_keep_file_capabilities(t):
    """They go with the content alone."""
    path = _executable(t, "file", 0o755)
    os.setxattr(path, "security.capability", CAPABILITY)
    t.read(path)
    os.rename(path, t.path("renamed"))
    os.chmod(t.path("renamed"), 0o700)
    os.link(t.path("renamed"), t.path("link"))
    t.equal(os.getxattr(t.path("link"), "security.capability"), CAPABILITY, "the capabilities")


def a_setuid_program_runs_as_its_owner(t):
    """execve(2)."""
    program = t.program("program", 0o4755, BOB)
    t.equal(t.as_user(ALICE, t.run, program, "import os; print(os.geteuid(), os.getuid())"), f"{BOB.uid} {ALICE.uid}", "effective and real uid")
