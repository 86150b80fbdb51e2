"""What is no file or directory: fifo(7), mknod(2), unix(7), and what watches files: inotify(7), leases of fcntl(2)."""

import ctypes
import errno
import fcntl
import os
import socket
import stat
import struct

from suite import system
from suite.users import ALICE

IN_MODIFY, IN_CREATE, IN_DELETE, IN_MOVED_FROM, IN_MOVED_TO, IN_CLOSE_WRITE = 2, 0x100, 0x200, 0x40, 0x80, 8


def a_fifo_carries_bytes_between_processes(t):
    """fifo(7)."""
    path = t.path("fifo")
    os.mkfifo(path, 0o600)
    child = os.fork()
    if child == 0:
        fd = os.open(path, os.O_WRONLY)
        os.write(fd, b"through the fifo")
        os._exit(0)
    with open(path, "rb") as reader:
        t.equal(reader.read(), b"through the fifo", "what comes out")
    t.equal(os.waitpid(child, 0)[1], 0, "the writer's status")
    status = os.stat(path)
    t.equal((stat.S_ISFIFO(status.st_mode), status.st_size), (True, 0), "whether it is a fifo, and its size")


def a_fifo_without_a_reader_is_ENXIO(t):
    """open(2), O_WRONLY | O_NONBLOCK."""
    os.mkfifo(t.path("fifo"), 0o600)
    t.fails(errno.ENXIO, os.open, t.path("fifo"), os.O_WRONLY | os.O_NONBLOCK)


def a_device_node_is_the_device(t):
    """mknod(2) by root."""
    os.mknod(t.path("null"), stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.mknod(t.path("zero"), stat.S_IFCHR | 0o666, os.makedev(1, 5))
    fd = os.open(t.path("null"), os.O_RDWR)
    t.equal((os.write(fd, b"abc"), os.read(fd, 9)), (3, b""), "write to and read from the null device")
    t.equal(os.read(os.open(t.path("zero"), os.O_RDONLY), 5), bytes(5), "read from the zero device")


def device_numbers_are_kept(t):
    """makedev(3): 12 bits of major, 20 of minor."""
    for kind in (stat.S_IFCHR, stat.S_IFBLK):
        for major, minor in ((0, 0), (1, 255), (8, 256), (259, 70_000), (4095, 1_048_575)):
            path = t.path(f"{kind}-{major}-{minor}")
            os.mknod(path, kind | 0o640, os.makedev(major, minor))
            status = os.stat(path)
            t.equal((stat.S_IFMT(status.st_mode), os.major(status.st_rdev), os.minor(status.st_rdev)), (kind, major, minor), "type, major and minor")


def only_CAP_MKNOD_makes_devices(t):
    """mknod(2), EPERM; whiteouts are for everybody, FIFOs, sockets and regular files as well."""
    folder = t.folder("folder", 0o777)
    t.fails(errno.EPERM, t.as_user, ALICE, os.mknod, folder + "/device", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    t.fails(errno.EPERM, t.without_capabilities, (system.CAP_MKNOD,), os.mknod, folder + "/device", stat.S_IFBLK | 0o666, os.makedev(7, 0))
    for name, kind in (("fifo", stat.S_IFIFO), ("socket", stat.S_IFSOCK), ("file", stat.S_IFREG)):
        t.as_user(ALICE, os.mknod, f"{folder}/{name}", kind | 0o600)
    t.as_user(ALICE, os.mknod, folder + "/whiteout", stat.S_IFCHR, 0)
    t.equal(os.stat(folder + "/whiteout").st_rdev, 0, "the whiteout's device number")


def a_socket_is_connected_by_its_name(t):
    """unix(7): stream and datagram."""
    # A socket's path has 107 bytes.
    os.chdir(t.directory)
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind("socket")
    server.listen(1)
    t.true(stat.S_ISSOCK(os.stat("socket").st_mode), "it is a socket")
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.connect("socket")
    accepted = server.accept()[0]
    client.sendall(b"through the socket")
    t.equal(accepted.recv(99), b"through the socket", "what comes out")
    t.fails(errno.EADDRINUSE, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).bind, "socket")
    t.fails(errno.ENXIO, os.open, "socket", os.O_RDWR)
    server.close()
    t.fails(errno.ECONNREFUSED, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).connect, "socket")


def a_socket_needs_w_to_be_connected(t):
    """unix(7), EACCES."""
    os.chdir(t.directory)
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind("socket")
    server.listen(1)
    os.chmod("socket", 0o755)
    t.fails(errno.EACCES, t.as_user, ALICE, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).connect, "socket")
    os.chmod("socket", 0o777)
    t.as_user(ALICE, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).connect, "socket")


def special_files_have_attributes_like_others(t):
    """chmod(2), chown(2), utimensat(2), link(2), rename(2)."""
    os.mkfifo(t.path("fifo"), 0o600)
    os.mknod(t.path("device"), stat.S_IFCHR | 0o600, os.makedev(1, 3))
    for name in ("fifo", "device"):
        path = t.path(name)
        os.chmod(path, 0o640)
        os.chown(path, 5, 6)
        os.utime(path, ns=(7, 8))
        os.link(path, path + "-link")
        os.rename(path, path + "-moved")
        status = os.stat(path + "-moved")
        t.equal((stat.S_IMODE(status.st_mode), status.st_uid, status.st_mtime_ns, status.st_nlink), (0o640, 5, 8, 2), "mode, owner, time and links")


def a_special_file_cannot_be_truncated(t):
    """truncate(2), EINVAL; a directory is EISDIR."""
    os.mkfifo(t.path("fifo"))
    t.fails(errno.EINVAL, os.truncate, t.path("fifo"), 0)
    t.fails(errno.EISDIR, os.truncate, t.folder("folder"), 0)


def changes_are_told_to_who_watches(t):
    """inotify(7): those that are made through the same mount."""
    libc = ctypes.CDLL(None, use_errno=True)
    watch = libc.inotify_init1(os.O_NONBLOCK)
    t.true(libc.inotify_add_watch(watch, os.fsencode(t.directory), IN_MODIFY | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_CLOSE_WRITE) > 0,
           "the directory can be watched")
    fd = os.open(t.path("file"), os.O_CREAT | os.O_WRONLY)
    os.write(fd, b"x")
    os.close(fd)
    os.rename(t.path("file"), t.path("moved"))
    os.unlink(t.path("moved"))
    events, data = [], os.read(watch, 4096)
    while data:
        _, mask, _, length = struct.unpack_from("=iIII", data)
        events.append((mask, data[16:16 + length].rstrip(b"\0").decode()))
        data = data[16 + length:]
    t.equal(events, [(IN_CREATE, "file"), (IN_MODIFY, "file"), (IN_CLOSE_WRITE, "file"), (IN_MOVED_FROM, "file"), (IN_MOVED_TO, "moved"), (IN_DELETE, "moved")],
            "the events")


def a_lease_is_given_and_told(t):
    """fcntl(2), F_SETLEASE: of a file that nobody else has open; EAGAIN where a writer has it."""
    path = t.file("file")
    fd = os.open(path, os.O_RDONLY)
    fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    t.equal(fcntl.fcntl(fd, fcntl.F_GETLEASE), fcntl.F_RDLCK, "the lease")
    fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    writer = os.open(path, os.O_WRONLY)
    t.fails(errno.EAGAIN, fcntl.fcntl, fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    os.close(writer)
