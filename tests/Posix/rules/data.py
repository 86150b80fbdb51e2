"""Bytes: read(2), write(2), truncate(2), lseek(2), copy_file_range(2)."""

import errno
import os
import random
import socket

from suite.rule import needs

MIB = 1 << 20


def what_is_written_is_read(t):
    """At odd offsets and of odd sizes, by two descriptions."""
    seeded = random.Random(3)
    shadow = bytearray(2_000_000)
    path = t.file("file")
    os.truncate(path, len(shadow))
    writing, reading = os.open(path, os.O_RDWR), os.open(path, os.O_RDONLY)
    for _ in range(t.count(150)):
        size = seeded.choice((1, 511, 4095, 4096, 4097, 65_537, 300_001))
        offset = seeded.randrange(len(shadow) - size)
        data = seeded.randbytes(size)
        t.equal(os.pwrite(writing, data, offset), size, "the bytes written")
        shadow[offset:offset + size] = data
        offset = seeded.randrange(len(shadow) - 70_000)
        t.true(os.pread(reading, 70_000, offset) == shadow[offset:offset + 70_000], f"the content at {offset}")
    os.fsync(writing)
    t.true(t.read(path) == shadow, "the whole content")


def vectors_are_read_and_written_in_their_order(t):
    """preadv(2), pwritev(2)."""
    path = t.file("file")
    fd = os.open(path, os.O_RDWR)
    parts = [bytes([number]) * (number * 37 + 1) for number in range(100)]
    t.equal(os.pwritev(fd, parts, 3), sum(map(len, parts)), "the bytes written")
    buffers = [bytearray(1000) for _ in range(20)]
    count = os.preadv(fd, buffers, 3)
    whole = b"".join(parts)
    t.true(b"".join(buffers)[:count] == whole[:count] and count == 20_000, "the content")


def the_position_moves_by_what_was_done(t):
    """read(2), write(2), lseek(2)."""
    fd = os.open(t.file("file", b"0123456789"), os.O_RDWR)
    t.equal((os.read(fd, 3), os.read(fd, 3)), (b"012", b"345"), "two reads")
    os.write(fd, b"xy")
    t.equal(os.lseek(fd, 0, os.SEEK_CUR), 8, "the position")
    t.equal(os.lseek(fd, -1, os.SEEK_END), 9, "one before the end")
    t.equal((os.read(fd, 9), os.read(fd, 9)), (b"9", b""), "reads at the end")
    t.fails(errno.EINVAL, os.lseek, fd, -1, os.SEEK_SET)


def descriptors_that_are_duplicates_share_a_position(t):
    """dup(2), fork(2)."""
    fd = os.open(t.file("file", b"0123456789"), os.O_RDWR)
    other = os.dup(fd)
    t.in_child(os.read, fd, 4)
    t.equal(os.read(other, 2), b"45", "what the duplicate reads")


def a_read_past_the_end_is_empty(t):
    """pread(2)."""
    fd = os.open(t.file("file", b"abc"), os.O_RDONLY)
    t.equal((os.pread(fd, 9, 2), os.pread(fd, 9, 3), os.pread(fd, 9, 1 << 40)), (b"c", b"", b""), "reads at and past the end")


def a_write_past_the_end_leaves_zeros(t):
    """lseek(2)."""
    path = t.file("file", b"abc")
    fd = os.open(path, os.O_RDWR)
    os.pwrite(fd, b"x", 10_000)
    t.equal(t.read(path), b"abc" + bytes(9997) + b"x", "the content")


def what_was_cut_off_comes_back_as_zeros(t):
    """truncate(2): also within a page, and by a write past the new end."""
    path = t.file("file", b"x" * 10_000)
    os.truncate(path, 5000)
    os.truncate(path, 9000)
    t.equal(t.read(path), b"x" * 5000 + bytes(4000), "the content after truncate")
    os.truncate(path, 100)
    fd = os.open(path, os.O_WRONLY)
    os.pwrite(fd, b"y", 8191)
    t.equal(t.read(path), b"x" * 100 + bytes(8091) + b"y", "the content after a write")


def a_size_is_seen_by_all_at_once(t):
    """fstat(2) by each description, after writes and truncation by another."""
    path = t.file("file")
    first, second = os.open(path, os.O_RDWR), os.open(path, os.O_RDWR)
    for size in (1, 4096, 100_000, 7, 0):
        os.ftruncate(first, size)
        t.equal((os.fstat(second).st_size, os.stat(path).st_size), (size, size), "the sizes after ftruncate")
        os.pwrite(first, b"x", size)
        t.equal((os.fstat(second).st_size, os.stat(path).st_size, os.lseek(second, 0, os.SEEK_END)), (size + 1,) * 3, "the sizes after a write")


def another_process_reads_what_was_written(t):
    """write(2): as soon as the call has returned."""
    path = t.file("file")
    fd = os.open(path, os.O_RDWR)
    for number in range(t.count(30)):
        os.pwrite(fd, b"%d" % number * 2000, 0)
        expected = os.pread(fd, 10_000, 0)
        t.true(t.in_child(lambda: t.read(path)) == expected, "the content for another process")


def a_file_may_be_larger_than_four_tebibytes(t):
    """Sparse: sizes and offsets are 64 bits."""
    path = t.file("file")
    fd = os.open(path, os.O_RDWR)
    far = 5 << 40
    if t.kind == "fuse" and t.has("backing") or t.kind == "ext4":
        far = (16 << 40) - 8192  # ext4's limit with blocks of 4 KiB.
    os.pwrite(fd, b"far away", far)
    t.equal((os.fstat(fd).st_size, os.pread(fd, 99, far)), (far + 8, b"far away"), "size and content")
    t.equal(os.pread(fd, 8, 4 << 40), bytes(8), "the content of the hole")
    t.true(os.stat(path).st_blocks < 1000, "it takes little room")
    os.ftruncate(fd, (4 << 40) + 1)
    t.equal(os.stat(path).st_size, (4 << 40) + 1, "the size after truncation")


def an_offset_that_cannot_be_is_refused(t):
    """pread(2), EINVAL; a file that would be too large is EFBIG or EINVAL."""
    fd = os.open(t.file("file", b"abc"), os.O_RDWR)
    t.fails(errno.EINVAL, os.pread, fd, 1, -1)
    t.fails(errno.EINVAL, os.pwrite, fd, b"x", -1)
    t.fails((errno.EFBIG, errno.EINVAL), os.pwrite, fd, b"xx", (1 << 63) - 2)
    t.fails(errno.EINVAL, os.ftruncate, fd, -1)
    t.equal(os.fstat(fd).st_size, 3, "the size")


def holes_and_data_are_found(t):
    """lseek(2), SEEK_DATA and SEEK_HOLE; ENXIO past the end."""
    fd = os.open(t.file("file"), os.O_RDWR)
    os.ftruncate(fd, MIB)
    os.pwrite(fd, b"x" * 4096, 512 << 10)
    os.fsync(fd)
    t.equal(os.lseek(fd, 0, os.SEEK_DATA), 512 << 10, "the first data")
    t.equal(os.lseek(fd, 512 << 10, os.SEEK_HOLE), (512 << 10) + 4096, "the hole behind it")
    t.equal(os.lseek(fd, 0, os.SEEK_HOLE), 0, "the hole at the start")
    t.fails(errno.ENXIO, os.lseek, fd, (512 << 10) + 4096, os.SEEK_DATA)
    t.fails(errno.ENXIO, os.lseek, fd, MIB, os.SEEK_HOLE)
    t.fails(errno.ENXIO, os.lseek, fd, 2 * MIB, os.SEEK_DATA)


def the_end_of_a_full_file_is_a_hole(t):
    """lseek(2), SEEK_HOLE."""
    fd = os.open(t.file("file", b"x" * 8192), os.O_RDWR)
    os.fsync(fd)
    t.equal((os.lseek(fd, 0, os.SEEK_DATA), os.lseek(fd, 0, os.SEEK_HOLE)), (0, 8192), "data and hole")


def _copy(source, target, count, from_offset=None, to_offset=None):
    done = 0
    while count:
        step = os.copy_file_range(source, target, count, from_offset if from_offset is None else from_offset + done,
                                  to_offset if to_offset is None else to_offset + done)
        if step == 0:
            break
        done, count = done + step, count - step
    return done


def a_range_is_copied_between_files(t):
    """copy_file_range(2): by offsets and by the positions, which move."""
    data = random.Random(5).randbytes(300_000)
    source, target = os.open(t.file("source", data), os.O_RDONLY), os.open(t.file("target"), os.O_RDWR)
    t.equal(_copy(source, target, 250_000, 1000, 7), 250_000, "the bytes copied")
    t.true(os.pread(target, MIB, 0) == bytes(7) + data[1000:251_000], "the content")
    t.equal((os.lseek(source, 0, os.SEEK_CUR), os.lseek(target, 0, os.SEEK_CUR)), (0, 0), "the positions")
    _copy(source, target, 100)
    t.equal((os.lseek(source, 0, os.SEEK_CUR), os.lseek(target, 0, os.SEEK_CUR)), (100, 100), "the positions after a copy without offsets")


def a_copy_ends_at_the_end_of_the_source(t):
    """copy_file_range(2): short, and 0 past the end."""
    source, target = os.open(t.file("source", b"abc"), os.O_RDONLY), os.open(t.file("target"), os.O_RDWR)
    t.equal(_copy(source, target, 100, 1, 0), 2, "the bytes copied")
    t.equal(os.copy_file_range(source, target, 9, 3, 0), 0, "the bytes copied from the end")
    t.equal(os.copy_file_range(source, target, 9, 100, 0), 0, "the bytes copied from past the end")


def a_copy_sees_what_was_written_before(t):
    """copy_file_range(2): dirty pages of the source, and cached ones of the target, count."""
    source, target = os.open(t.file("source", b"a" * 8192), os.O_RDWR), os.open(t.file("target", b"z" * 8192), os.O_RDWR)
    os.pread(target, 8192, 0)
    os.pwrite(source, b"b" * 4096, 2048)
    _copy(source, target, 8192, 0, 0)
    t.equal(os.pread(target, 9999, 0), b"a" * 2048 + b"b" * 4096 + b"a" * 2048, "the content of the copy")


def a_copy_within_a_file_may_not_overlap(t):
    """copy_file_range(2), EINVAL."""
    fd = os.open(t.file("file", b"a" * 4096 + b"b" * 4096), os.O_RDWR)
    t.fails(errno.EINVAL, os.copy_file_range, fd, fd, 4096, 0, 2048)
    t.equal(_copy(fd, fd, 4096, 0, 8192), 4096, "the bytes copied")
    t.equal(os.pread(fd, 99_999, 8192), b"a" * 4096, "the copy")


def a_copy_needs_the_right_descriptors(t):
    """copy_file_range(2): EBADF, EISDIR, and EBADF for O_APPEND."""
    path = t.file("file", b"abc")
    reading, writing = os.open(path, os.O_RDONLY), os.open(t.file("target"), os.O_WRONLY)
    t.fails(errno.EBADF, os.copy_file_range, writing, writing, 1)
    t.fails(errno.EBADF, os.copy_file_range, reading, reading, 1)
    t.fails(errno.EBADF, os.copy_file_range, reading, os.open(path, os.O_WRONLY | os.O_APPEND), 1)
    t.fails(errno.EISDIR, os.copy_file_range, os.open(t.directory, os.O_RDONLY), writing, 1)


def sendfile_and_splice_carry_a_file(t):
    """sendfile(2), splice(2)."""
    data = random.Random(6).randbytes(100_000)
    source, target = os.open(t.file("source", data), os.O_RDONLY), os.open(t.file("target"), os.O_RDWR)
    sent = 0
    while sent < len(data):
        sent += os.sendfile(target, source, sent, len(data) - sent)
    t.true(os.pread(target, MIB, 0) == data, "the content after sendfile")
    reading, writing = os.pipe()
    t.equal(os.splice(source, writing, 4096, offset_src=100), 4096, "the bytes spliced")
    t.equal(os.splice(reading, target, 4096, offset_dst=0), 4096, "the bytes spliced on")
    t.true(os.pread(target, 4096, 0) == data[100:4196], "the content after splice")
    first, second = socket.socketpair()
    t.equal(os.sendfile(first.fileno(), source, 50, 1000), 1000, "the bytes sent")
    t.true(second.recv(1000, socket.MSG_WAITALL) == data[50:1050], "what the socket brings")


@needs("backing")
def what_is_written_is_on_the_host_after_fsync(t):
    """fsync(2), and close(2) of a file that only this client writes."""
    path = t.path("file")
    fd = os.open(path, os.O_CREAT | os.O_RDWR, 0o644)
    os.write(fd, b"x" * 50_000)
    os.fsync(fd)
    t.true(t.read(t.backing("file")) == b"x" * 50_000, "the content on the host")


def large_transfers_are_whole(t):
    """One write and one read of 5 MiB."""
    data = random.Random(7).randbytes(5 * MIB + 13)
    fd = os.open(t.file("file"), os.O_RDWR)
    t.equal(os.write(fd, data), len(data), "the bytes written")
    t.true(os.pread(fd, len(data) + 9, 0) == data, "the content")
