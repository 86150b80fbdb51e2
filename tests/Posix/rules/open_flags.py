"""What open(2) does by its flags."""

import ctypes
import errno
import fcntl
import mmap
import os
import stat

from suite.users import ALICE

WRITERS, LINES = 4, 100


def APPEND_writes_at_the_end_of_whatever_is_there(t):
    """O_APPEND: also when another description has made the file longer or shorter."""
    path = t.file("file", b"abc")
    appending, other = os.open(path, os.O_WRONLY | os.O_APPEND), os.open(path, os.O_RDWR)
    os.write(appending, b"d")
    os.pwrite(other, b"e", 4)
    os.write(appending, b"f")
    os.ftruncate(other, 2)
    os.write(appending, b"g")
    t.equal(t.read(path), b"abg", "the content")
    t.equal(os.lseek(appending, 0, os.SEEK_CUR), 3, "the position")


def APPEND_of_several_processes_loses_nothing(t):
    """O_APPEND: each write goes to the end in one step."""
    path = t.file("file")
    children = []
    for writer in range(WRITERS):
        children.append(os.fork())
        if children[-1] == 0:
            fd = os.open(path, os.O_WRONLY | os.O_APPEND)
            for line in range(LINES):
                os.write(fd, b"%d %06d %s\n" % (writer, line, b"x" * (line % 97)))
            os._exit(0)
    for child in children:
        t.equal(os.waitpid(child, 0)[1], 0, "a writer's status")
    lines = t.read(path).splitlines()
    t.equal(len(lines), WRITERS * LINES, "the number of lines")
    for writer in range(WRITERS):
        mine = [line.split()[1] for line in lines if line.startswith(b"%d " % writer)]
        t.equal(mine, [b"%06d" % line for line in range(LINES)], f"the lines of writer {writer}, in order")


def APPEND_ignores_the_offset_of_pwrite(t):
    """pwrite(2), BUGS: on Linux it appends."""
    path = t.file("file", b"abc")
    os.pwrite(os.open(path, os.O_WRONLY | os.O_APPEND), b"x", 0)
    t.equal(t.read(path), b"abcx", "the content")


def APPEND_is_set_and_cleared_by_fcntl(t):
    """fcntl(2), F_SETFL."""
    path = t.file("file", b"abc")
    fd = os.open(path, os.O_WRONLY | os.O_APPEND)
    fcntl.fcntl(fd, fcntl.F_SETFL, 0)
    os.pwrite(fd, b"x", 0)
    t.equal(t.read(path), b"xbc", "the content after a write that no longer appends")
    plain = os.open(path, os.O_WRONLY)
    fcntl.fcntl(plain, fcntl.F_SETFL, os.O_APPEND)
    os.write(plain, b"y")
    t.equal(t.read(path), b"xbcy", "the content after a write that appends from now on")


def TRUNC_empties_the_file_only_when_it_is_opened(t):
    """O_TRUNC."""
    path = t.file("file", b"abc")
    reading = os.open(path, os.O_RDONLY)
    writing = os.open(path, os.O_WRONLY | os.O_TRUNC)
    t.equal((os.fstat(reading).st_size, os.read(reading, 9)), (0, b""), "size and content for who had it open")
    os.write(writing, b"new")
    t.equal(t.read(path), b"new", "the content")


def CREAT_keeps_what_is_there(t):
    """O_CREAT: content, mode and owner of an existing file; the mode that is given is for a new one."""
    path = t.file("file", b"abc", 0o640, ALICE)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o777))
    status = os.stat(path)
    t.equal((status.st_size, stat.S_IMODE(status.st_mode), status.st_uid), (3, 0o640, ALICE.uid), "size, mode and owner")


def EXCL_makes_or_fails(t):
    """O_CREAT | O_EXCL, EEXIST; of many that try at once one succeeds."""
    t.fails(errno.EEXIST, os.open, t.file("file"), os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    t.fails(errno.EEXIST, os.open, t.folder("folder"), os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    children = []
    for _ in range(6):
        children.append(os.fork())
        if children[-1] == 0:
            won = 0
            for number in range(20):
                try:
                    os.close(os.open(t.path(f"new{number}"), os.O_CREAT | os.O_EXCL | os.O_WRONLY))
                    won += 1
                except FileExistsError:
                    pass
            os._exit(won)
    t.equal(sum(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children), 20, "how often one has made the file")


def NOFOLLOW_refuses_a_link_at_the_end(t):
    """O_NOFOLLOW, ELOOP; links before it are followed."""
    t.folder("folder")
    t.file("folder/file", b"abc")
    os.symlink("folder", t.path("link"))
    os.symlink("file", t.path("folder", "link"))
    t.fails(errno.ELOOP, os.open, t.path("folder", "link"), os.O_RDONLY | os.O_NOFOLLOW)
    t.fails((errno.ELOOP, errno.ENOTDIR), os.open, t.path("link"), os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY)
    os.close(os.open(t.path("link", "file"), os.O_RDONLY | os.O_NOFOLLOW))


def DIRECTORY_refuses_all_else(t):
    """O_DIRECTORY, ENOTDIR."""
    t.fails(errno.ENOTDIR, os.open, t.file("file"), os.O_RDONLY | os.O_DIRECTORY)
    os.close(os.open(t.folder("folder"), os.O_RDONLY | os.O_DIRECTORY))
    os.symlink("folder", t.path("link"))
    os.close(os.open(t.path("link"), os.O_RDONLY | os.O_DIRECTORY))


def a_directory_is_not_opened_for_writing(t):
    """open(2), EISDIR; also by O_CREAT. Nor is it read as a file."""
    folder = t.folder("folder")
    for flags in (os.O_WRONLY, os.O_RDWR, os.O_RDONLY | os.O_TRUNC, os.O_CREAT | os.O_RDONLY):
        t.fails(errno.EISDIR, os.open, folder, flags)
    fd = os.open(folder, os.O_RDONLY)
    t.fails(errno.EISDIR, os.read, fd, 1)


def PATH_gives_a_descriptor_without_access(t):
    """O_PATH: needs no permission on the file itself, names it, and reads or writes nothing (EBADF)."""
    path = t.file("file", b"abc", 0o000)

    def use():
        fd = os.open(path, os.O_PATH)
        t.fails(errno.EBADF, os.read, fd, 1)
        t.fails(errno.EBADF, os.write, fd, b"x")
        t.fails(errno.EBADF, os.fchmod, fd, 0o777)
        return os.fstat(fd).st_size

    t.equal(t.as_user(ALICE, use), 3, "the size")


def PATH_and_NOFOLLOW_give_the_link_itself(t):
    """O_PATH | O_NOFOLLOW; readlinkat(2) of an empty name reads it."""
    os.symlink("where", t.path("link"))
    fd = os.open(t.path("link"), os.O_PATH | os.O_NOFOLLOW)
    t.true(stat.S_ISLNK(os.fstat(fd).st_mode), "it is a link")
    t.equal(os.readlink("", dir_fd=fd), "where", "its text")


def _aligned(size, fill=b""):
    buffer = mmap.mmap(-1, size)
    buffer[:len(fill)] = fill
    return buffer


def DIRECT_reads_and_writes_aligned_blocks(t):
    """O_DIRECT: what it writes others read, and the other way round."""
    path = t.file("file", b"a" * 16_384)
    fd = os.open(path, os.O_RDWR | os.O_DIRECT)
    t.equal(os.pwritev(fd, [_aligned(4096, b"b" * 4096)], 4096), 4096, "the bytes written")
    t.equal(t.read(path), b"a" * 4096 + b"b" * 4096 + b"a" * 8192, "the content past the page cache")
    with open(path, "r+b", buffering=0) as cached:
        cached.seek(8192)
        cached.write(b"c" * 4096)
    buffer = _aligned(16_384)
    t.equal(os.preadv(fd, [buffer], 0), 16_384, "the bytes read")
    t.equal(buffer[8192:12_288], b"c" * 4096, "what was written through the page cache")


def DIRECT_at_the_end_of_the_file_is_short(t):
    """O_DIRECT: as read(2)."""
    fd = os.open(t.file("file", b"a" * 5000), os.O_RDWR | os.O_DIRECT)
    buffer = _aligned(8192)
    t.equal(os.preadv(fd, [buffer], 0), 5000, "the bytes read")
    t.equal(os.preadv(fd, [buffer], 8192), 0, "the bytes read past the end")


def DIRECT_of_unaligned_blocks(t):
    """open(2): a file system may refuse them (EINVAL, as ext4 does) or take them, as tmpfs and FUSE do."""
    path = t.file("file", b"a" * 8192)
    fd = os.open(path, os.O_RDWR | os.O_DIRECT)
    buffer = (ctypes.c_char * 100).from_buffer(_aligned(4096), 3)
    if t.kind == "ext4":
        t.fails(errno.EINVAL, os.preadv, fd, [buffer], 1)
        return
    t.equal(os.preadv(fd, [buffer], 1), 100, "the bytes read")
    t.equal(os.pwrite(fd, b"bcd", 5), 3, "the bytes written")
    t.equal(t.read(path)[4:9], b"abcda", "the content")


def SYNC_writes_arrive(t):
    """O_SYNC and O_DSYNC."""
    for name, flag in (("sync", os.O_SYNC), ("dsync", os.O_DSYNC)):
        path = t.file(name)
        fd = os.open(path, os.O_WRONLY | flag)
        os.write(fd, b"abc")
        t.equal(t.read(path), b"abc", "the content")


def a_running_program_cannot_be_written(t):
    """open(2), ETXTBSY; and execve(2) of what is open for writing."""
    program = t.program("program")
    writing = os.open(program, os.O_RDWR)
    t.fails(errno.ETXTBSY, t.in_child, os.execv, program, [program, "-c", ""])
    os.close(writing)
    reading, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(reading, 0)
        os.close(write)
        os.execv(program, [program, "-ISc", "import sys; print(end='', flush=True); sys.stdin.read()"])
    os.close(reading)
    while os.readlink(f"/proc/{child}/exe") != program:
        pass
    t.fails(errno.ETXTBSY, os.open, program, os.O_WRONLY)
    t.fails(errno.ETXTBSY, os.truncate, program, 0)
    os.close(write)
    t.equal(os.waitpid(child, 0)[1], 0, "the program's status")


def the_flags_of_a_description_are_told(t):
    """fcntl(2), F_GETFL: access mode and status flags, without those of creation."""
    fd = os.open(t.path("file"), os.O_CREAT | os.O_EXCL | os.O_TRUNC | os.O_RDWR | os.O_APPEND, 0o600)
    flags = fcntl.fcntl(fd, fcntl.F_GETFL)
    t.equal(flags & (os.O_ACCMODE | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_TRUNC), os.O_RDWR | os.O_APPEND, "the flags")


def CREAT_needs_a_directory_that_is_there(t):
    """open(2), ENOENT and ENOTDIR; a name with a slash at the end is EISDIR."""
    t.file("file")
    t.fails(errno.ENOENT, os.open, t.path("none", "new"), os.O_CREAT | os.O_WRONLY)
    t.fails(errno.ENOTDIR, os.open, t.path("file", "new"), os.O_CREAT | os.O_WRONLY)
    t.fails(errno.EISDIR, os.open, t.path("new/"), os.O_CREAT | os.O_WRONLY)
