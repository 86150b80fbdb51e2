"""Who may do what: path_resolution(7), open(2), access(2), capabilities(7)."""

import errno
import os
import stat

from suite import system
from suite.users import ALICE, BOB, CAROL, User

READ, WRITE, EXECUTE = 4, 2, 1
# What the classes are to a file of ALICE's with group 42010, of which BOB is a member.
CLASSES = {"owner": (ALICE, 6), "group": (BOB, 3), "other": (CAROL, 0)}


def _open_modes(path):
    """Which of r, w and x a process gets, by opening and by running."""
    got = 0
    for bit, action in ((READ, lambda: os.close(os.open(path, os.O_RDONLY))), (WRITE, lambda: os.close(os.open(path, os.O_WRONLY))), (EXECUTE, lambda: _run(path))):
        try:
            action()
            got |= bit
        except PermissionError as error:
            if error.errno != errno.EACCES:
                raise
    return got


def _run(path):
    # An empty program may be run or not: ENOEXEC is told after the permissions are judged.
    try:
        os.execv(path, [path])
    except OSError as error:
        if error.errno != errno.ENOEXEC:
            raise


def each_class_has_its_three_bits(t):
    """Eight modes for each class, tried by open(2) and execve(2)."""
    path = t.file("file", user=User(ALICE.uid, 42010))
    for name, (user, shift) in CLASSES.items():
        got = []
        for bits in range(8):
            os.chmod(path, bits << shift)
            got.append(t.as_user(user, _open_modes, path))
        t.equal(got, list(range(8)), f"what the {name} may do under modes 0 to 7 of its class")


def the_owner_is_judged_by_the_owner_class_alone(t):
    """POSIX file access permissions: the first class that fits decides."""
    path = t.file("file", mode=0o077, user=ALICE)
    t.fails(errno.EACCES, t.as_user, ALICE, os.open, path, os.O_RDONLY)
    t.as_user(CAROL, os.open, path, os.O_RDONLY)


def a_member_is_judged_by_the_group_class_alone(t):
    """Also a member by a supplementary group."""
    path = t.file("file", mode=0o707, user=User(ALICE.uid, 42010))
    t.fails(errno.EACCES, t.as_user, BOB, os.open, path, os.O_RDONLY)
    t.fails(errno.EACCES, t.as_user, User(BOB.uid, 42010), os.open, path, os.O_RDONLY)
    t.as_user(CAROL, os.open, path, os.O_RDONLY)


def searching_a_directory_needs_x(t):
    """path_resolution(7)."""
    folder = t.folder("folder", 0o766)
    path = t.file("folder/file")
    t.fails(errno.EACCES, t.as_user, ALICE, os.stat, path)
    t.equal(t.as_user(ALICE, os.listdir, folder), ["file"], "the names in a directory that can be read and not searched")
    os.chmod(folder, 0o711)
    t.as_user(ALICE, os.stat, path)


def listing_a_directory_needs_r(t):
    """opendir(3)."""
    folder = t.folder("folder", 0o733)
    t.fails(errno.EACCES, t.as_user, ALICE, os.listdir, folder)


def changing_a_directory_needs_w_and_x(t):
    """Each call that makes or removes a name."""
    for mode in (0o755, 0o766):
        folder = t.folder(f"folder{mode:o}", 0o777)
        name = os.path.basename(folder)
        path, inner = t.file(f"{name}/file", user=ALICE), t.folder(f"{name}/inner", user=ALICE)
        other = t.file(f"other{mode:o}", user=ALICE)
        new = os.path.join(folder, "new")
        os.chmod(folder, mode)
        for action, *arguments in (
                (os.open, new, os.O_CREAT | os.O_WRONLY), (os.mkdir, new), (os.mkfifo, new), (os.symlink, "x", new), (os.link, other, new),
                (os.unlink, path), (os.rmdir, inner), (os.rename, path, new), (os.rename, other, new)):
            t.fails(errno.EACCES, t.as_user, ALICE, action, *arguments)


def a_sticky_directory_protects_others_files(t):
    """unlink(2), rmdir(2) and rename(2), EPERM: only the owners of the file and of the directory, and root."""
    folder = t.folder("sticky", 0o1777, CAROL)
    path, inner = t.file("sticky/file", mode=0o666, user=ALICE), t.folder("sticky/inner", 0o777, ALICE)
    for action, *arguments in ((os.unlink, path), (os.rmdir, inner), (os.rename, path, folder + "/new"), (os.rename, inner, folder + "/new")):
        t.fails((errno.EPERM, errno.EACCES), t.as_user, BOB, action, *arguments)
    t.as_user(ALICE, os.rename, path, folder + "/mine")
    t.as_user(ALICE, os.unlink, folder + "/mine")
    t.as_user(CAROL, os.rmdir, inner)


def a_sticky_directory_protects_what_a_rename_would_replace(t):
    """rename(2), EPERM."""
    folder = t.folder("sticky", 0o1777)
    theirs, mine = t.file("sticky/theirs", user=ALICE), t.file("sticky/mine", user=BOB)
    t.fails((errno.EPERM, errno.EACCES), t.as_user, BOB, os.rename, mine, theirs)
    t.fails((errno.EPERM, errno.EACCES), t.as_user, BOB, system.rename, mine, theirs, system.RENAME_EXCHANGE)
    t.equal(sorted(os.listdir(folder)), ["mine", "theirs"], "the names")


def root_reads_and_writes_whatever_the_mode(t):
    """CAP_DAC_OVERRIDE."""
    path = t.file("file", b"x", 0o000, ALICE)
    folder = t.folder("folder", 0o000, ALICE)
    t.equal(t.read(path), b"x", "the content")
    os.close(os.open(os.path.join(folder, "new"), os.O_CREAT | os.O_RDWR, 0))
    t.equal(os.listdir(folder), ["new"], "the names")


def root_runs_only_what_somebody_may_run(t):
    """CAP_DAC_OVERRIDE does not bypass execute permission where no x bit is set."""
    path = t.file("file", mode=0o666)
    t.fails(errno.EACCES, t.in_child, _run, path)
    os.chmod(path, 0o601)
    t.in_child(_run, path)


def root_without_capabilities_is_a_user_like_others(t):
    """capabilities(7): it is not the uid that overrides."""
    path = t.file("file", b"", 0o000, ALICE)
    t.fails(errno.EACCES, t.without_capabilities, (), os.open, path, os.O_RDONLY)
    t.fails(errno.EPERM, t.without_capabilities, (), os.chmod, path, 0o777)
    t.fails(errno.EPERM, t.without_capabilities, (), os.chown, path, 0, 0)


def a_capability_without_root_overrides(t):
    """CAP_DAC_READ_SEARCH alone reads and does not write."""
    path = t.file("file", b"x", 0o000, ALICE)
    t.equal(t.without_capabilities((system.CAP_DAC_OVERRIDE,), t.read, path), b"x", "the content")
    t.fails(errno.EACCES, t.without_capabilities, (system.CAP_DAC_OVERRIDE,), os.open, path, os.O_WRONLY)


def access_asks_for_the_real_ids(t):
    """access(2); AT_EACCESS asks for the effective ones."""
    path = t.file("file", mode=0o600, user=ALICE)

    def ask():
        os.setresuid(ALICE.uid, BOB.uid, 0)
        return os.access(path, os.R_OK), os.access(path, os.R_OK, effective_ids=True)

    t.equal(t.in_child(ask), (True, False), "access by the real and by the effective uid")


def an_open_file_keeps_its_access_when_the_mode_changes(t):
    """Permissions are judged when a file is opened."""
    path = t.file("file", b"abc", 0o600, ALICE)

    def use():
        fd = os.open(path, os.O_RDWR)
        os.chmod(path, 0)
        os.pwrite(fd, b"x", 0)
        return os.pread(fd, 9, 0)

    t.equal(t.as_user(ALICE, use), b"xbc", "the content")


def a_description_has_the_access_it_was_opened_with(t):
    """read(2) and write(2), EBADF."""
    path = t.file("file", b"x")
    reading, writing = os.open(path, os.O_RDONLY), os.open(path, os.O_WRONLY)
    t.fails(errno.EBADF, os.write, reading, b"y")
    t.fails(errno.EBADF, os.read, writing, 1)
    t.fails((errno.EBADF, errno.EINVAL), os.ftruncate, reading, 0)


def truncating_by_path_needs_w(t):
    """truncate(2), and open(2) with O_TRUNC."""
    path = t.file("file", b"abc", 0o644)
    t.fails(errno.EACCES, t.as_user, ALICE, os.truncate, path, 0)
    t.fails(errno.EACCES, t.as_user, ALICE, os.open, path, os.O_RDONLY | os.O_TRUNC)
    t.equal(os.stat(path).st_size, 3, "the size")


def a_file_may_be_made_without_permissions_and_be_written(t):
    """open(2): the mode applies to later accesses only."""
    folder = t.folder("folder", 0o777)

    def make():
        fd = os.open(folder + "/new", os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o000)
        os.write(fd, b"x")
        return os.pread(fd, 1, 0), stat.S_IMODE(os.fstat(fd).st_mode)

    t.equal(t.as_user(ALICE, make), (b"x", 0), "content and mode")


def a_file_reopened_by_its_descriptor_is_judged_anew(t):
    """open(2) of /proc/self/fd/N."""
    path = t.file("file", mode=0o666)

    def reopen():
        fd = os.open(path, os.O_RDWR)
        os.setresuid(ALICE.uid, ALICE.uid, ALICE.uid)
        return os.open(f"/proc/self/fd/{fd}", os.O_WRONLY)

    t.in_child(reopen)
    os.chmod(path, 0o600)
    t.fails(errno.EACCES, t.in_child, reopen)


def a_path_is_searched_by_who_uses_it(t):
    """openat(2) goes on from a descriptor whatever lies above it."""
    outer = t.folder("outer", 0o700)
    inner = t.folder("outer/inner", 0o755)
    path = t.file("outer/inner/file")
    t.fails(errno.EACCES, t.as_user, ALICE, os.stat, path)
    fd = os.open(inner, os.O_RDONLY | os.O_DIRECTORY)
    t.as_user(ALICE, lambda: os.stat("file", dir_fd=fd).st_size)
    t.equal(t.mode(outer), 0o700, "the mode above")
