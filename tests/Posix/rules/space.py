"""Room: fallocate(2), statvfs(3), fsync(2), syncfs(2)."""

import errno
import os

from suite import system

MIB = 1 << 20


def allocation_makes_the_file_longer(t):
    """fallocate(2): with zeros, and room for them."""
    path = t.file("file", b"abc")
    fd = os.open(path, os.O_RDWR)
    system.allocate(fd, 0, 0, MIB)
    status = os.fstat(fd)
    t.equal(status.st_size, MIB, "the size")
    t.true(status.st_blocks * 512 >= MIB, "it has its room")
    t.equal(os.pread(fd, 10, 0), b"abc" + bytes(7), "the content")


def allocation_never_makes_the_file_shorter(t):
    """fallocate(2): of a range within it."""
    fd = os.open(t.file("file", b"x" * 10_000), os.O_RDWR)
    system.allocate(fd, 0, 0, 4096)
    t.equal((os.fstat(fd).st_size, os.pread(fd, 99_999, 0)), (10_000, b"x" * 10_000), "size and content")


def KEEP_SIZE_takes_room_alone(t):
    """fallocate(2)."""
    fd = os.open(t.file("file", b"abc"), os.O_RDWR)
    system.allocate(fd, system.FALLOC_FL_KEEP_SIZE, 0, MIB)
    status = os.fstat(fd)
    t.equal((status.st_size, status.st_blocks * 512 >= MIB), (3, True), "the size, and whether it has its room")


def PUNCH_HOLE_frees_and_reads_as_zeros(t):
    """fallocate(2): the size stays; parts of pages are zeroed."""
    fd = os.open(t.file("file", b"x" * MIB), os.O_RDWR)
    os.fsync(fd)
    before = os.fstat(fd).st_blocks
    system.allocate(fd, system.FALLOC_FL_PUNCH_HOLE | system.FALLOC_FL_KEEP_SIZE, 1000, 500_000)
    t.true(os.pread(fd, 2 * MIB, 0) == b"x" * 1000 + bytes(500_000) + b"x" * (MIB - 501_000), "the content")
    os.fsync(fd)
    t.equal((os.fstat(fd).st_size, os.fstat(fd).st_blocks < before), (MIB, True), "the size, and whether room is free")


def PUNCH_HOLE_needs_KEEP_SIZE(t):
    """fallocate(2), EOPNOTSUPP."""
    fd = os.open(t.file("file", b"abc"), os.O_RDWR)
    t.fails(errno.EOPNOTSUPP, system.allocate, fd, system.FALLOC_FL_PUNCH_HOLE, 0, 1)


def _supported(t, what):
    """Modes that ext4 has and tmpfs has not; a FUSE client passes some on. The answers that a refusal may have."""
    if t.kind == "tmpfs":
        return False
    if what in ("COLLAPSE", "INSERT") and t.on_fuse("the client does not pass FALLOC_FL_COLLAPSE_RANGE and INSERT_RANGE on: EOPNOTSUPP"):
        return False
    return True


def ZERO_RANGE_zeroes(t):
    """fallocate(2): within the file, and beyond its end unless KEEP_SIZE. Not on tmpfs."""
    fd = os.open(t.file("file", b"x" * 20_000), os.O_RDWR)
    if not _supported(t, "ZERO"):
        t.fails(errno.EOPNOTSUPP, system.allocate, fd, system.FALLOC_FL_ZERO_RANGE, 0, 1)
        return
    try:
        system.allocate(fd, system.FALLOC_FL_ZERO_RANGE, 1000, 8000)
    except OSError as error:
        # Behind FUSE it is what the host's file system says.
        t.true(t.kind == "fuse" and error.errno == errno.EOPNOTSUPP, f"zeroing works: {error}")
        return
    t.true(os.pread(fd, 99_999, 0) == b"x" * 1000 + bytes(8000) + b"x" * 11_000, "the content")
    system.allocate(fd, system.FALLOC_FL_ZERO_RANGE | system.FALLOC_FL_KEEP_SIZE, 19_000, 9000)
    t.equal(os.fstat(fd).st_size, 20_000, "the size")
    system.allocate(fd, system.FALLOC_FL_ZERO_RANGE, 19_000, 9000)
    t.equal(os.fstat(fd).st_size, 28_000, "the size")


def COLLAPSE_RANGE_and_INSERT_RANGE_move_the_rest(t):
    """fallocate(2): ext4; whole blocks only."""
    fd = os.open(t.file("file", b"a" * 4096 + b"b" * 4096 + b"c" * 4096), os.O_RDWR)
    if not _supported(t, "COLLAPSE"):
        t.fails(errno.EOPNOTSUPP, system.allocate, fd, system.FALLOC_FL_COLLAPSE_RANGE, 4096, 4096)
        t.fails(errno.EOPNOTSUPP, system.allocate, fd, system.FALLOC_FL_INSERT_RANGE, 4096, 4096)
        t.equal(os.fstat(fd).st_size, 12_288, "the size")
        return
    system.allocate(fd, system.FALLOC_FL_COLLAPSE_RANGE, 4096, 4096)
    t.equal(os.pread(fd, 99_999, 0), b"a" * 4096 + b"c" * 4096, "the content")
    system.allocate(fd, system.FALLOC_FL_INSERT_RANGE, 4096, 4096)
    t.equal(os.pread(fd, 99_999, 0), b"a" * 4096 + bytes(4096) + b"c" * 4096, "the content")


def allocation_needs_a_file_that_is_open_for_writing(t):
    """fallocate(2): EBADF, EINVAL for no length, EFBIG for too much."""
    path = t.file("file")
    t.fails(errno.EBADF, system.allocate, os.open(path, os.O_RDONLY), 0, 0, 1)
    fd = os.open(path, os.O_RDWR)
    t.fails(errno.EINVAL, system.allocate, fd, 0, 0, 0)
    t.fails(errno.EINVAL, system.allocate, fd, 0, -1, 1)
    t.fails(errno.EFBIG, system.allocate, fd, 0, (1 << 63) - 4096, 8192)
    t.fails((errno.EISDIR, errno.EBADF, errno.ENODEV), system.allocate, os.open(t.directory, os.O_RDONLY), 0, 0, 1)


def statvfs_is_plausible(t):
    """statvfs(3)."""
    status = os.statvfs(t.directory)
    t.true(status.f_bsize >= 512 and status.f_frsize >= 512, f"sizes of blocks: {status}")
    t.true(0 < status.f_bavail <= status.f_bfree <= status.f_blocks, f"blocks: {status}")
    t.true(status.f_ffree <= status.f_files, f"files: {status}")
    t.equal(status.f_namemax, 255, "the longest name")
    t.equal(os.fstatvfs(os.open(t.directory, os.O_RDONLY)).f_blocks, status.f_blocks, "the blocks by descriptor")


def what_is_allocated_is_less_free(t):
    """statvfs(3): and free again when the file is gone."""
    def free():
        status = os.statvfs(t.directory)
        return status.f_bfree * status.f_frsize

    fd = os.open(t.file("file"), os.O_RDWR)
    before = free()
    system.allocate(fd, 0, 0, 64 * MIB)
    os.fsync(fd)
    # Others use the file system meanwhile.
    t.true(free() <= before - 32 * MIB, "less is free")


def blocks_count_the_room_that_is_taken(t):
    """stat(2), st_blocks: units of 512 bytes; none for a hole."""
    fd = os.open(t.file("file"), os.O_RDWR)
    os.ftruncate(fd, 16 * MIB)
    t.true(os.fstat(fd).st_blocks * 512 < MIB, "a hole takes nothing")
    os.pwrite(fd, b"x" * MIB, 8 * MIB)
    os.fsync(fd)
    if t.has("writeback") and t.on_fuse("with WRITEBACK_CACHE the client asks for the blocks again when the file is closed"):
        os.close(os.dup(fd))
    blocks = os.fstat(fd).st_blocks * 512
    t.true(MIB <= blocks < 2 * MIB, f"1 MiB takes 1 MiB, not {blocks}")


def everything_can_be_synchronised(t):
    """fsync(2), fdatasync(2), syncfs(2): files, read-only descriptions, directories."""
    path = t.file("file")
    for flags in (os.O_RDWR, os.O_RDONLY, os.O_WRONLY):
        fd = os.open(path, flags)
        if flags != os.O_RDONLY:
            os.write(fd, b"x")
        os.fsync(fd)
        os.fdatasync(fd)
        system.sync_file_system(fd)
    folder = os.open(t.folder("folder"), os.O_RDONLY)
    os.fsync(folder)
    os.fdatasync(folder)
    system.sync_file_system(folder)
    t.fails(errno.EBADF, os.fsync, os.open(path, os.O_PATH))


def a_block_size_is_told(t):
    """stat(2), st_blksize: a power of two."""
    size = os.stat(t.file("file")).st_blksize
    t.true(size >= 512 and size & (size - 1) == 0, f"st_blksize {size}")
