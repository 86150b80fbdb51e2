"""Files in memory: mmap(2), msync(2)."""

import errno
import mmap
import os
import signal

from suite import system

PAGE = 4096
NO_SHARED = ("files that are opened with direct I/O (--cache=never, metadata) cannot be mapped shared for writing: the client says ENODEV, "
             "as DIRECT_IO_ALLOW_MMAP is not agreed")


def _shared(t, fd, length):
    """A shared mapping; None where the target has none."""
    try:
        return mmap.mmap(fd, length, mmap.MAP_SHARED)
    except OSError as error:
        if error.errno == errno.ENODEV and t.has("direct") and t.on_fuse(NO_SHARED):
            return None
        raise


def a_private_mapping_shows_the_file_and_keeps_its_stores(t):
    """mmap(2), MAP_PRIVATE."""
    path = t.file("file", b"abc" * 3000)
    fd = os.open(path, os.O_RDONLY)
    with mmap.mmap(fd, 9000, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE) as mapping:
        t.equal(mapping[:9000], b"abc" * 3000, "the content")
        mapping[0:3] = b"xyz"
        t.equal(t.read(path)[:3], b"abc", "the file's content")


def stores_into_a_shared_mapping_are_read(t):
    """mmap(2), MAP_SHARED: by read(2) at once, on the file after msync(2)."""
    path = t.file("file", bytes(16 * PAGE))
    fd = os.open(path, os.O_RDWR)
    mapping = _shared(t, fd, 16 * PAGE)
    if mapping is None:
        return
    for page in range(16):
        mapping[page * PAGE:page * PAGE + 2] = b"%02d" % page
    t.equal([os.pread(fd, 2, page * PAGE) for page in range(16)], [b"%02d" % page for page in range(16)], "what read brings")
    mapping.flush()
    t.equal(t.read(path)[15 * PAGE:15 * PAGE + 2], b"15", "the last page's content")


def writes_are_seen_in_a_shared_mapping(t):
    """By the same and by another description, and by another process."""
    path = t.file("file", bytes(4 * PAGE))
    fd, other = os.open(path, os.O_RDWR), os.open(path, os.O_RDWR)
    mapping = _shared(t, fd, 4 * PAGE)
    if mapping is None:
        return
    mapping[0], mapping[PAGE] = 1, 1
    os.pwrite(fd, b"a", 10)
    os.pwrite(other, b"b", PAGE + 10)
    t.in_child(lambda: os.pwrite(os.open(path, os.O_WRONLY), b"c", 2 * PAGE))
    t.equal((mapping[10:11], mapping[PAGE + 10:PAGE + 11], mapping[2 * PAGE:2 * PAGE + 1]), (b"a", b"b", b"c"), "what the mapping shows")
    t.equal((mapping[0], mapping[PAGE]), (1, 1), "what was stored before")


def two_mappings_show_the_same(t):
    """Of two descriptions, and across fork(2)."""
    path = t.file("file", bytes(2 * PAGE))
    first = _shared(t, os.open(path, os.O_RDWR), 2 * PAGE)
    second = _shared(t, os.open(path, os.O_RDWR), 2 * PAGE)
    if first is None:
        return
    first[5] = 42
    t.equal(second[5], 42, "the second mapping")
    t.in_child(second.__setitem__, PAGE + 7, 43)
    t.equal((first[PAGE + 7], os.pread(os.open(path, os.O_RDONLY), 1, PAGE + 7)), (43, b"\x2b"), "the first mapping and the file")


def a_read_only_shared_mapping_follows_writes(t):
    """Also where the file was opened for reading."""
    path = t.file("file", b"a" * PAGE)
    try:
        mapping = mmap.mmap(os.open(path, os.O_RDONLY), PAGE, mmap.MAP_SHARED, mmap.PROT_READ)
    except OSError as error:
        t.true(error.errno == errno.ENODEV and t.has("direct") and t.on_fuse(NO_SHARED), f"it can be mapped: {error}")
        return
    t.equal(mapping[0:1], b"a", "the content before")
    fd = os.open(path, os.O_WRONLY)
    os.pwrite(fd, b"b", 0)
    t.equal(mapping[0:1], b"b", "the content after")


def a_mapping_outlives_its_descriptor_and_name(t):
    """close(2), unlink(2)."""
    path = t.file("file", b"a" * PAGE)
    fd = os.open(path, os.O_RDWR)
    with mmap.mmap(fd, PAGE, mmap.MAP_PRIVATE, mmap.PROT_READ) as mapping:
        os.close(fd)
        os.unlink(path)
        t.equal(mapping[:], b"a" * PAGE, "the content")


def stores_arrive_when_the_mapping_is_gone(t):
    """munmap(2) and close(2) without msync(2): read by another open."""
    path = t.file("file", bytes(PAGE))
    fd = os.open(path, os.O_RDWR)
    mapping = _shared(t, fd, PAGE)
    if mapping is None:
        return
    mapping[0:5] = b"store"
    mapping.close()
    os.close(fd)
    t.equal(t.read(path)[:5], b"store", "the content")


def _signal_of(action):
    """The signal that ends a child that does something; 0 if none does."""
    child = os.fork()
    if child == 0:
        action()
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def a_page_past_the_end_is_SIGBUS(t):
    """mmap(2): of a file that was made shorter under its mapping."""
    path = t.file("file", b"x" * 4 * PAGE)
    fd = os.open(path, os.O_RDWR)
    with mmap.mmap(fd, 4 * PAGE, mmap.MAP_PRIVATE, mmap.PROT_READ) as mapping:
        t.equal(_signal_of(lambda: mapping[3 * PAGE]), 0, "the signal before")
        os.ftruncate(fd, 2 * PAGE)
        t.equal(_signal_of(lambda: mapping[3 * PAGE]), signal.SIGBUS, "the signal past the end")
        t.equal(_signal_of(lambda: mapping[PAGE]), 0, "the signal within")
        os.ftruncate(fd, 4 * PAGE)
        t.equal((_signal_of(lambda: mapping[3 * PAGE]), mapping[3 * PAGE]), (0, 0), "signal and content when it is longer again")


def the_rest_of_the_last_page_is_zeros(t):
    """mmap(2): and what is stored there is not part of the file."""
    path = t.file("file", b"x" * 100)
    fd = os.open(path, os.O_RDWR)
    try:
        mapping = system.map_shared(fd, PAGE)
    except OSError as error:
        t.true(error.errno == errno.ENODEV and t.has("direct") and t.on_fuse(NO_SHARED), f"it can be mapped: {error}")
        return
    t.equal(mapping[100:PAGE], bytes(PAGE - 100), "the rest of the page")
    mapping[200] = 7
    os.fsync(fd)
    t.equal(os.stat(path).st_size, 100, "the size")
    t.equal(t.read(path), b"x" * 100, "the content")


def mapping_needs_the_access_of_the_description(t):
    """mmap(2), EACCES."""
    path = t.file("file", b"x" * PAGE)
    expected = (errno.EACCES, errno.ENODEV) if t.has("direct") else errno.EACCES
    t.fails(errno.EACCES, mmap.mmap, os.open(path, os.O_WRONLY), PAGE, mmap.MAP_PRIVATE, mmap.PROT_READ)
    t.fails(expected, mmap.mmap, os.open(path, os.O_RDONLY), PAGE, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)


def a_mapping_is_truncated_and_written_by_turns(t):
    """ftruncate(2), write(2) and stores, the file compared with what it should be."""
    path = t.file("file", bytes(8 * PAGE))
    fd = os.open(path, os.O_RDWR)
    mapping = _shared(t, fd, 8 * PAGE)
    if mapping is None:
        return
    shadow = bytearray(8 * PAGE)
    for turn in range(40):
        offset = turn * 797 % (8 * PAGE - 10)
        if turn % 3 == 0:
            mapping[offset:offset + 4] = shadow[offset:offset + 4] = b"%04d" % turn
        elif turn % 3 == 1:
            os.pwrite(fd, b"%04d" % turn, offset)
            shadow[offset:offset + 4] = b"%04d" % turn
        else:
            os.ftruncate(fd, offset)
            os.ftruncate(fd, 8 * PAGE)
            shadow[offset:] = bytes(8 * PAGE - offset)
        t.true(mapping[:] == shadow, f"the mapping after turn {turn}")
        t.true(os.pread(fd, 8 * PAGE, 0) == shadow, f"the file after turn {turn}")
