"""POSIX ACLs: acl(5), system.posix_acl_access and system.posix_acl_default of xattr(7)."""

import errno
import os
import stat
import struct

from suite.rule import needs
from suite.users import ALICE, BOB, CAROL, User

ACCESS, DEFAULT = "system.posix_acl_access", "system.posix_acl_default"
USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER = 1, 2, 4, 8, 16, 32
NOBODY = 0xFFFFFFFF


def _acl(*entries):
    """The kernel's form of (tag, permissions[, id]) entries (linux/posix_acl_xattr.h)."""
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", entry[0], entry[1], entry[2] if len(entry) > 2 else NOBODY) for entry in entries)


def _entries(path, name):
    value = os.getxattr(path, name)
    return [struct.unpack_from("<HHI", value, position) for position in range(4, len(value), 8)]


def _may(path, flags):
    try:
        os.close(os.open(path, flags))
    except PermissionError:
        return False
    return True


def _access(t, user, path):
    return "".join(letter for letter, flags in (("r", os.O_RDONLY), ("w", os.O_WRONLY)) if t.as_user(user, _may, path, flags))


@needs("acl")
def a_named_user_has_its_entry(t):
    """acl(5), ACL_USER: whatever group and others have."""
    path = t.file("file", mode=0o600)
    os.setxattr(path, ACCESS, _acl((USER_OBJ, 6), (USER, 6, ALICE.uid), (USER, 0, BOB.uid), (GROUP_OBJ, 0), (MASK, 7), (OTHER, 4)))
    t.equal([_access(t, user, path) for user in (ALICE, BOB, CAROL)], ["rw", "", "r"], "what each may do")


@needs("acl")
def a_named_group_has_its_entry(t):
    """acl(5), ACL_GROUP: any of the groups that a process has may give the permission; others' do not count then."""
    path = t.file("file", mode=0o600)
    os.setxattr(path, ACCESS, _acl((USER_OBJ, 6), (GROUP_OBJ, 0), (GROUP, 4, 42010), (MASK, 7), (OTHER, 6)))
    t.equal([_access(t, user, path) for user in (ALICE, CAROL)], ["r", "rw"], "what a member and another may do")


@needs("acl")
def the_mask_bounds_all_but_owner_and_others(t):
    """acl(5): and the mode's group bits show it and change it."""
    path = t.file("file", mode=0o600)
    os.setxattr(path, ACCESS, _acl((USER_OBJ, 6), (USER, 6, ALICE.uid), (GROUP_OBJ, 6), (MASK, 4), (OTHER, 0)))
    t.equal((t.mode(path), _access(t, ALICE, path)), (0o640, "r"), "the mode, and what the named user may do")
    os.chmod(path, 0o660)
    t.equal((_access(t, ALICE, path), (MASK, 6, NOBODY) in _entries(path, ACCESS)), ("rw", True), "what it may do, and whether the mask changed")
    os.chmod(path, 0o600)
    t.equal(_access(t, ALICE, path), "", "what it may do under an empty mask")


@needs("acl")
def an_acl_that_is_a_mode_is_only_the_mode(t):
    """acl(5): three entries say what the mode says; nothing is stored beside it."""
    path = t.file("file", mode=0o600)
    os.setxattr(path, ACCESS, _acl((USER_OBJ, 7), (GROUP_OBJ, 5), (OTHER, 1)))
    t.equal(t.mode(path), 0o751, "the mode")
    t.fails(errno.ENODATA, os.getxattr, path, ACCESS)
    t.equal(ACCESS in os.listxattr(path), False, "whether it is listed")


@needs("acl")
def a_removed_acl_leaves_the_mode(t):
    """removexattr(2): the group's bits are those of the mask that was, and it is no error where there is none."""
    path = t.file("file", mode=0o600)
    os.setxattr(path, ACCESS, _acl((USER_OBJ, 6), (USER, 6, ALICE.uid), (GROUP_OBJ, 0), (MASK, 6), (OTHER, 0)))
    os.removexattr(path, ACCESS)
    t.fails(errno.ENODATA, os.getxattr, path, ACCESS)
    t.equal((t.mode(path), _access(t, ALICE, path)), (0o660, ""), "the mode, and what the named user may do")


@needs("acl")
def only_the_owner_sets_an_acl(t):
    """acl(5), EPERM."""
    path = t.file("file", mode=0o666, user=ALICE)
    value = _acl((USER_OBJ, 6), (USER, 6, BOB.uid), (GROUP_OBJ, 0), (MASK, 6), (OTHER, 0))
    t.fails(errno.EPERM, t.as_user, BOB, os.setxattr, path, ACCESS, value)
    t.as_user(ALICE, os.setxattr, path, ACCESS, value)
    t.fails(errno.EPERM, t.as_user, BOB, os.removexattr, path, ACCESS)


@needs("acl")
def an_acl_that_is_none_is_refused(t):
    """acl_valid(3), EINVAL."""
    path = t.file("file")
    for value in (b"garbage!", _acl((USER_OBJ, 6)), _acl((USER_OBJ, 6), (USER, 6, 1), (GROUP_OBJ, 0), (OTHER, 0)), struct.pack("<I", 9) + _acl((USER_OBJ, 6))[4:]):
        t.fails((errno.EINVAL, errno.EOPNOTSUPP), os.setxattr, path, ACCESS, value)
    t.fails(errno.EACCES, os.setxattr, path, DEFAULT, _acl((USER_OBJ, 6), (GROUP_OBJ, 0), (OTHER, 0)))


@needs("acl")
def a_default_acl_is_given_to_what_is_made(t):
    """acl(5): instead of the umask, bounded by the mode that is asked for; to directories as default as well."""
    folder = t.folder("folder", 0o777)
    default = _acl((USER_OBJ, 7), (USER, 6, ALICE.uid), (GROUP_OBJ, 5), (MASK, 7), (OTHER, 4))
    os.setxattr(folder, DEFAULT, default)

    def make():
        os.umask(0o077)
        os.close(os.open(folder + "/file", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        os.mkdir(folder + "/inner", 0o777)
        os.mkfifo(folder + "/fifo", 0o640)
        os.symlink("x", folder + "/link")

    t.as_user(BOB, make)
    t.equal([t.mode(f"{folder}/{name}") for name in ("file", "inner", "fifo", "link")], [0o664, 0o774, 0o640, 0o777], "the modes")
    t.equal(_entries(folder + "/file", ACCESS), [(USER_OBJ, 6, NOBODY), (USER, 6, ALICE.uid), (GROUP_OBJ, 5, NOBODY), (MASK, 6, NOBODY), (OTHER, 4, NOBODY)], "the file's ACL")
    t.equal(os.getxattr(folder + "/inner", DEFAULT), default, "the directory's default ACL")
    t.fails((errno.ENODATA, errno.EOPNOTSUPP), os.getxattr, folder + "/link", ACCESS, follow_symlinks=False)
    t.equal(_access(t, ALICE, folder + "/file"), "rw", "what the named user may do")


@needs("acl")
def without_a_default_acl_the_umask_applies(t):
    """acl(5): also where the directory has an access ACL."""
    folder = t.folder("folder", 0o777)
    os.setxattr(folder, ACCESS, _acl((USER_OBJ, 7), (USER, 7, ALICE.uid), (GROUP_OBJ, 7), (MASK, 7), (OTHER, 7)))

    def make():
        os.umask(0o027)
        os.close(os.open(folder + "/file", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))

    t.as_user(BOB, make)
    t.equal(t.mode(folder + "/file"), 0o640, "the mode")


@needs("acl")
def a_default_acl_of_three_entries_is_obeyed(t):
    """acl(5): it bounds the mode, and the file needs no ACL of its own."""
    folder = t.folder("folder", 0o777)
    os.setxattr(folder, DEFAULT, _acl((USER_OBJ, 7), (GROUP_OBJ, 5), (OTHER, 0)))
    os.umask(0)
    os.close(os.open(folder + "/file", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    t.equal(t.mode(folder + "/file"), 0o640, "the mode")
    t.fails(errno.ENODATA, os.getxattr, folder + "/file", ACCESS)


@needs("acl")
def a_default_acl_does_not_govern_the_directory(t):
    """acl(5): and can be removed again."""
    folder = t.folder("folder", 0o700, BOB)
    os.setxattr(folder, DEFAULT, _acl((USER_OBJ, 7), (USER, 7, ALICE.uid), (GROUP_OBJ, 7), (MASK, 7), (OTHER, 7)))
    t.fails(errno.EACCES, t.as_user, ALICE, os.listdir, folder)
    os.removexattr(folder, DEFAULT)
    t.fails(errno.ENODATA, os.getxattr, folder, DEFAULT)


@needs("acl")
def a_temporary_file_gets_the_default_acl(t):
    """open(2), O_TMPFILE."""
    folder = t.folder("folder", 0o777)
    os.setxattr(folder, DEFAULT, _acl((USER_OBJ, 7), (USER, 6, ALICE.uid), (GROUP_OBJ, 5), (MASK, 7), (OTHER, 4)))
    os.umask(0o077)
    fd = os.open(folder, os.O_TMPFILE | os.O_RDWR, 0o666)
    t.equal(stat.S_IMODE(os.fstat(fd).st_mode), 0o664, "the mode")


@needs("acl")
def an_acl_set_by_one_outside_the_group_clears_setgid(t):
    """acl(5), as chmod(2) (CVE-2016-7097)."""
    path = t.file("file", mode=0o2755, user=User(ALICE.uid, CAROL.gid))
    os.chmod(path, 0o2755)
    t.as_user(ALICE, os.setxattr, path, ACCESS, _acl((USER_OBJ, 7), (USER, 7, BOB.uid), (GROUP_OBJ, 5), (MASK, 7), (OTHER, 5)))
    t.equal(t.mode(path), 0o775, "the mode")


@needs("acl")
def an_acl_on_directories_governs_names(t):
    """acl(5): x to search, w to make."""
    folder = t.folder("folder", 0o700)
    os.setxattr(folder, ACCESS, _acl((USER_OBJ, 7), (USER, 7, ALICE.uid), (USER, 5, BOB.uid), (GROUP_OBJ, 0), (MASK, 7), (OTHER, 0)))
    t.as_user(ALICE, os.mkdir, folder + "/made")
    t.equal(t.as_user(BOB, os.listdir, folder), ["made"], "the names")
    t.fails(errno.EACCES, t.as_user, BOB, os.mkdir, folder + "/new")
    t.fails(errno.EACCES, t.as_user, CAROL, os.stat, folder + "/made")


def without_acls_they_are_EOPNOTSUPP(t):
    """A target that does not obey ACLs does not take them either."""
    path = t.file("file")
    value = _acl((USER_OBJ, 6), (USER, 6, ALICE.uid), (GROUP_OBJ, 0), (MASK, 6), (OTHER, 0))
    if t.has("acl"):
        os.setxattr(path, ACCESS, value)
        return
    t.fails(errno.EOPNOTSUPP, os.setxattr, path, ACCESS, value)
    t.fails(errno.EOPNOTSUPP, os.getxattr, path, ACCESS)
