"""To whom what is made belongs, and who may change that: open(2), chmod(2), chown(2), umask(2), inode(7)."""

import errno
import os
import stat

from suite import system
from suite.users import ALICE, BOB, CAROL, User

SHARED = 42010  # A group of ALICE and of BOB.


def _make_each(folder, mode=0o666):
    """A file, a directory, a FIFO, a socket and a link."""
    os.close(os.open(f"{folder}/file", os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))
    os.mkdir(f"{folder}/folder", mode | 0o111)
    os.mkfifo(f"{folder}/fifo", mode)
    os.mknod(f"{folder}/socket", stat.S_IFSOCK | mode)
    os.symlink("target", f"{folder}/link")


def _owners(folder):
    return {name: (status.st_uid, status.st_gid) for name in os.listdir(folder) for status in [os.lstat(f"{folder}/{name}")]}


def what_is_made_belongs_to_who_made_it(t):
    """Each kind of file: the effective ids."""
    folder = t.folder("folder", 0o777)
    t.as_user(ALICE, _make_each, folder)
    t.equal(set(_owners(folder).values()), {(ALICE.uid, ALICE.gid)}, "owners and groups")


def the_file_system_ids_are_what_counts(t):
    """setfsuid(2)."""
    folder = t.folder("folder", 0o777)

    def make():
        system.set_file_system_ids(BOB.uid, BOB.gid)
        _make_each(folder)

    t.in_child(make)
    t.equal(set(_owners(folder).values()), {(BOB.uid, BOB.gid)}, "owners and groups")


def a_setgid_directory_gives_its_group(t):
    """inode(7): to all that is made in it, and its setgid bit to directories."""
    folder = t.folder("folder", 0o2777, User(0, SHARED))
    t.as_user(CAROL, _make_each, folder)
    t.equal(set(_owners(folder).values()), {(CAROL.uid, SHARED)}, "owners and groups")
    t.equal(t.mode(f"{folder}/folder"), 0o2755, "the directory's mode")
    t.equal(t.mode(f"{folder}/file"), 0o644, "the file's mode")


def a_member_makes_a_setgid_file_in_a_setgid_directory(t):
    """By a supplementary group too (FUSE_CREATE_SUPP_GROUP); one who is no member loses the bit (CVE-2018-13405)."""
    folder = t.folder("folder", 0o2777, User(0, SHARED))

    def make(name):
        os.umask(0)
        os.close(os.open(f"{folder}/{name}", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o2775))
        os.mknod(f"{folder}/{name}-node", stat.S_IFREG | 0o2775)

    t.as_user(BOB, make, "member")
    t.as_user(User(BOB.uid, SHARED), make, "first")
    t.as_user(CAROL, make, "stranger")
    for name, mode in (("member", 0o2775), ("first", 0o2775), ("stranger", 0o775)):
        t.equal(t.mode(f"{folder}/{name}"), mode, f"the mode of the file of the {name}")
        t.equal(t.mode(f"{folder}/{name}-node"), mode, f"the mode of the node of the {name}")


def a_directory_made_in_a_setgid_directory_is_setgid_for_all(t):
    """mkdir(2): whoever makes it."""
    folder = t.folder("folder", 0o2777, User(0, SHARED))
    t.as_user(CAROL, os.mkdir, f"{folder}/inner", 0o700)
    t.equal(t.mode(f"{folder}/inner"), 0o2700, "the mode")


def the_umask_takes_bits_away(t):
    """umask(2): from files, directories and nodes, not from links."""
    folder = t.folder("folder", 0o777)

    def make():
        os.umask(0o137)
        _make_each(folder)

    t.as_user(ALICE, make)
    modes = {name: t.mode(f"{folder}/{name}") for name in ("file", "folder", "fifo", "socket", "link")}
    t.equal(modes, {"file": 0o640, "folder": 0o640, "fifo": 0o640, "socket": 0o640, "link": 0o777}, "the modes")


def a_new_file_may_have_all_twelve_bits(t):
    """open(2) and mkdir(2) by root; mkdir takes setuid as Linux does not."""
    os.umask(0)
    os.close(os.open(t.path("file"), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o7777))
    os.mkdir(t.path("folder"), 0o1777)
    t.equal(t.mode(t.path("file")), 0o7777, "the file's mode")
    t.equal(t.mode(t.path("folder")), 0o1777, "the directory's mode")


def chmod_sets_all_twelve_bits(t):
    """chmod(2), fchmod(2): whatever the umask."""
    os.umask(0o777)
    for path in (t.file("file"), t.folder("folder")):
        for mode in (0, 0o7777, 0o4711, 0o2750, 0o1700, 0o644):
            os.chmod(path, mode)
            t.equal(t.mode(path), mode, "the mode")
    fd = os.open(t.path("file"), os.O_RDONLY)
    os.fchmod(fd, 0o4321)
    t.equal(t.mode(t.path("file")), 0o4321, "the mode by descriptor")


def only_the_owner_may_chmod(t):
    """chmod(2), EPERM: writers may not."""
    path = t.file("file", mode=0o666, user=ALICE)
    t.fails(errno.EPERM, t.as_user, BOB, os.chmod, path, 0o600)
    t.as_user(ALICE, os.chmod, path, 0o600)
    t.equal(t.mode(path), 0o600, "the mode")


def a_mode_set_by_one_outside_the_group_loses_setgid(t):
    """chmod(2): the call succeeds."""
    path = t.file("file", user=User(ALICE.uid, CAROL.gid))
    folder = t.folder("folder", user=User(ALICE.uid, CAROL.gid))
    for target in (path, folder):
        t.as_user(ALICE, os.chmod, target, 0o2755)
        t.equal(t.mode(target), 0o755, "the mode")
    os.chown(path, ALICE.uid, SHARED)
    t.as_user(ALICE, os.chmod, path, 0o2755)
    t.equal(t.mode(path), 0o2755, "the mode set by a member")


def a_link_has_no_mode_to_change(t):
    """fchmodat2(2) with AT_SYMLINK_NOFOLLOW; what the link points to stays as it is."""
    path = t.file("file", mode=0o644)
    os.symlink("file", t.path("link"))
    t.fails((errno.EOPNOTSUPP, errno.ENOSYS), system.change_mode_no_follow, t.path("link"), 0o600)
    t.equal(t.mode(path), 0o644, "the mode of the link's target")


def only_root_gives_files_away(t):
    """chown(2), EPERM."""
    path = t.file("file", user=ALICE)
    t.fails(errno.EPERM, t.as_user, ALICE, os.chown, path, BOB.uid, -1)
    t.fails(errno.EPERM, t.as_user, ALICE, os.chown, path, -1, BOB.gid)
    t.fails(errno.EPERM, t.as_user, BOB, os.chown, path, BOB.uid, BOB.gid)
    os.chown(path, BOB.uid, -1)
    t.equal(os.stat(path)[4:6], (BOB.uid, ALICE.gid), "owner and group")


def an_owner_gives_a_file_to_a_group_of_its_own(t):
    """chown(2): a supplementary group counts."""
    path = t.file("file", user=ALICE)
    t.as_user(ALICE, os.chown, path, -1, SHARED)
    t.equal(os.stat(path)[4:6], (ALICE.uid, SHARED), "owner and group")


def a_new_owner_clears_setuid_and_setgid(t):
    """chown(2): of an executable, by an owner and, on Linux, by root as well."""
    for user, change in ((ALICE, (-1, SHARED)), (User(0, 0), (BOB.uid, -1)), (User(0, 0), (ALICE.uid, ALICE.gid))):
        path = t.file(f"file{user.uid}{change[0]}", mode=0o6755, user=ALICE)
        t.in_child(os.chown, path, *change) if user.uid == 0 else t.as_user(user, os.chown, path, *change)
        t.equal(t.mode(path), 0o755, f"the mode after chown{change} by {user.uid}")


def a_new_owner_leaves_a_directory_its_setgid(t):
    """chown(2) on Linux: of directories the bit says something else."""
    folder = t.folder("folder", 0o2755, ALICE)
    os.chown(folder, BOB.uid, BOB.gid)
    t.equal(t.mode(folder), 0o2755, "the mode")
    t.as_user(BOB, os.chown, folder, -1, SHARED)
    t.equal(t.mode(folder), 0o2755, "the mode after the owner's chown")


def a_chown_that_changes_nothing_is_allowed(t):
    """chown(2) with −1 for both: whoever owns the file may."""
    path = t.file("file", mode=0o640, user=ALICE)
    t.as_user(ALICE, os.chown, path, -1, -1)
    t.as_user(ALICE, os.chown, path, ALICE.uid, ALICE.gid)
    t.equal((os.stat(path)[4:6], t.mode(path)), ((ALICE.uid, ALICE.gid), 0o640), "owner and mode")


def the_owner_of_a_link_is_its_own(t):
    """lchown(2)."""
    path = t.file("file", user=ALICE)
    os.symlink("file", t.path("link"))
    os.lchown(t.path("link"), BOB.uid, BOB.gid)
    t.equal(os.lstat(t.path("link"))[4:6], (BOB.uid, BOB.gid), "the link's owner")
    t.equal(os.stat(path)[4:6], (ALICE.uid, ALICE.gid), "the owner of what it points to")


def owners_of_all_sizes_are_kept(t):
    """uid_t has 32 bits."""
    path = t.file("file")
    for number in (65_535, 65_536, 0x7FFFFFFF, 0xFFFFFFFE):
        os.chown(path, number, number)
        t.equal(os.stat(path)[4:6], (number, number), "owner and group")


def a_chown_without_CAP_CHOWN_is_refused_to_root(t):
    """capabilities(7)."""
    path = t.file("file", user=ALICE)
    t.fails(errno.EPERM, t.without_capabilities, (system.CAP_CHOWN,), os.chown, path, BOB.uid, -1)


def a_chmod_without_CAP_FSETID_drops_setgid_of_other_groups(t):
    """capabilities(7), CAP_FSETID."""
    path = t.file("file", user=User(0, CAROL.gid))
    t.without_capabilities((system.CAP_FSETID,), os.chmod, path, 0o2755)
    t.equal(t.mode(path), 0o755, "the mode")


def a_temporary_file_belongs_to_who_made_it(t):
    """open(2), O_TMPFILE: owner, setgid directory's group and umask as for a named one."""
    folder = t.folder("folder", 0o2777, User(0, SHARED))

    def make():
        os.umask(0o026)
        fd = os.open(folder, os.O_TMPFILE | os.O_RDWR, 0o666)
        status = os.fstat(fd)
        return status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)

    t.equal(t.as_user(CAROL, make), (CAROL.uid, SHARED, 0o640), "owner, group and mode")
