"""Times of files in the rules, in nanoseconds since 1970."""

import os

OLD = 1_000_000_000_123_456_789
DAY = 86_400_000_000_000


def times_of(path):
    """Access, modification and change of a file, not of what a link leads to."""
    status = os.lstat(path)
    return {"atime": status.st_atime_ns, "mtime": status.st_mtime_ns, "ctime": status.st_ctime_ns}


def age(path):
    """Gives access and modification an old time and returns all three."""
    os.utime(path, ns=(OLD, OLD), follow_symlinks=False)
    return times_of(path)
