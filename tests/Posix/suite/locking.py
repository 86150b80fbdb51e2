"""Taking locks: fcntl(2), flock(2)."""

import errno
import fcntl
import os
import struct

READ, WRITE, UNLOCK = fcntl.F_RDLCK, fcntl.F_WRLCK, fcntl.F_UNLCK
F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW = 36, 37, 38
BUSY = (errno.EAGAIN, errno.EACCES)


def lock(fd, kind, start=0, length=0, command=fcntl.F_SETLK):
    """One fcntl(2) with a struct flock; the struct that comes back as (type, start, length, pid)."""
    answer = fcntl.fcntl(fd, command, struct.pack("=hhxxxxqqixxxx", kind, 0, start, length, 0))
    kind, _, start, length, pid = struct.unpack("=hhxxxxqqixxxx", answer)
    return kind, start, length, pid


def try_lock(path, kind, start=0, length=0):
    """Whether another process gets a lock."""
    fd = os.open(path, os.O_RDWR)
    try:
        lock(fd, kind, start, length)
        return True
    except OSError as error:
        if error.errno not in BUSY:
            raise
        return False


def try_whole(path, kind):
    """Whether another description gets an flock(2)."""
    fd = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
        return True
    except OSError as error:
        if error.errno != errno.EWOULDBLOCK:
            raise
        return False
    finally:
        os.close(fd)
