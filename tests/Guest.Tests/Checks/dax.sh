# The demo image in a window that is smaller than what is in it (/image), in one whose files are the cache's own (/lent), and without one (/plain); a
# directory of the host in a window (/share). The shell is not the image's: under emulation QEMU keeps translations of programs whose memory others change.

files_of() { (cd "$1" && find . -xdev -type f | sort | tr '\n' '\0' | xargs -0 sha256sum); }

check_file_systems_are_mounted_with_dax() {
    mkdir /image /plain /share
    mount -t virtiofs -o ro,dax=always image /image
    mount -t virtiofs -o ro plain /plain
    mount -t virtiofs -o dax=always share /share
    grep -q '^image /image virtiofs .*dax=always' /proc/mounts
    grep -q '^share /share virtiofs .*dax=always' /proc/mounts
}

check_every_file_is_the_same_while_the_cache_is_collected() {
    ask_host start
    files_of /image > /tmp/image
    files_of /plain > /tmp/plain
    [ "$(wc -l < /tmp/plain)" -gt 2000 ]
    cmp /tmp/image /tmp/plain
    files_of /image > /tmp/image
    ask_host stop
    cmp /tmp/image /tmp/plain
}

# What is below --dax-min is read; of the rest each range is a mapping of QEMU's own, and taken back as the window is small.
check_every_file_is_the_same_where_guests_share_them() {
    mkdir /lent
    mount -t virtiofs -o ro lent /lent
    files_of /lent > /tmp/lent
    cmp /tmp/lent /tmp/plain
    files_of /lent > /tmp/lent
    cmp /tmp/lent /tmp/plain
    umount /lent
}

check_pages_are_mapped_with_zeros_behind_the_end() {
    python3 - <<'END'
import ctypes, os
c = ctypes.CDLL(None, use_errno=True)
c.mmap.restype = ctypes.c_void_p
c.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
c.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
count = 0
for folder, _, names in os.walk('/image/usr/bin'):
    for name in names:
        path = os.path.join(folder, name)
        if os.path.islink(path) or not os.path.isfile(path) or os.path.getsize(path) == 0 or count == 150: continue
        with open(path, 'rb') as file, open(path.replace('/image', '/plain', 1), 'rb') as plain:
            content = plain.read()
            content += bytes(-len(content) % 4096)
            pages = c.mmap(None, len(content), 1, 1, file.fileno(), 0)
            assert pages != ctypes.c_void_p(-1).value, path
            assert ctypes.string_at(pages, len(content)) == content, path
            c.munmap(pages, len(content))
        count += 1
assert count > 100, count
END
}

check_an_image_cannot_be_written_to() {
    fails sh -c 'echo x >> /image/etc/hostname'
    mount -o remount,rw /image
    fails sh -c 'echo x >> /image/etc/hostname'
    mount -o remount,ro /image
}

check_what_the_guest_maps_for_writing_is_in_the_hosts_file() {
    python3 - <<'END'
import mmap
with open('/share/whole', 'r+b') as file:
    pages = mmap.mmap(file.fileno(), 0)
    assert pages[:] == bytes(i % 251 for i in range(1 << 20))
    pages[4090:4100] = b'the guest\n'
    pages.flush()
END
    ask_host look
    [ "$(cat /share/answer | head -c 10)" = "the guest" ]
}

check_what_a_mapped_file_grows_by_is_read() {
    python3 - <<'END'
import os
fd = os.open('/share/grows', os.O_RDWR | os.O_CREAT)
for i in range(40):
    page = bytes([i]) * 4096
    assert os.pwrite(fd, page, i * 4096) == 4096
    assert os.pread(fd, 4096, i * 4096) == page
os.ftruncate(fd, 60 * 4096)
assert os.pread(fd, 65536, 40 * 4096) == bytes(65536)
os.truncate('/share/grows', 10 * 4096)
os.pwrite(fd, b'again' + bytes(4091), 12 * 4096)
assert os.pread(fd, 3 * 4096, 10 * 4096) == bytes(2 * 4096) + b'again' + bytes(4091)
try:
    os.pwrite(fd, b'odd', 60 * 4096)
    raise SystemExit('a page that could not be read was written')
except OSError as error:
    assert error.errno == 95, error
END
}

# Mounted as Linux does without a word.
check_a_database_works_where_large_files_of_whole_pages_are_mapped() {
    mkdir /own
    mount -t virtiofs own /own
    sqlite3 /own/own.db "PRAGMA journal_mode=DELETE; CREATE TABLE t(id INTEGER PRIMARY KEY, text TEXT); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) INSERT INTO t SELECT i, hex(randomblob(50)) FROM n;"
    echo 3 > /proc/sys/vm/drop_caches
    sqlite3 /own/own.db 'PRAGMA mmap_size=67108864; DELETE FROM t WHERE id % 5 = 0; INSERT INTO t(text) SELECT hex(randomblob(50)) FROM t; VACUUM;'
    [ "$(sqlite3 /own/own.db 'PRAGMA integrity_check; SELECT count(*) FROM t;' | tr '\n' ' ')" = 'ok 8000 ' ]
    echo 'a line' > /own/log; echo 'another' >> /own/log
    [ "$(cat /own/log)" = "$(printf 'a line\nanother')" ]
    umount /own
}

check_a_database_works_in_mapped_pages() {
    sqlite3 /share/mapped.db "PRAGMA journal_mode=MEMORY; PRAGMA mmap_size=67108864; CREATE TABLE t(id INTEGER PRIMARY KEY, text TEXT); CREATE INDEX i ON t(text);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) INSERT INTO t SELECT i, hex(randomblob(50)) FROM n;"
    sqlite3 /share/mapped.db 'PRAGMA mmap_size=67108864; PRAGMA journal_mode=MEMORY; BEGIN; DELETE FROM t; ROLLBACK; DELETE FROM t WHERE id % 5 = 0; VACUUM;'
    [ "$(sqlite3 /share/mapped.db 'PRAGMA integrity_check; SELECT count(*) FROM t;' | tr '\n' ' ')" = 'ok 4000 ' ]
}

# The buffers of a request lie in the window of another device.
check_a_direct_read_goes_into_a_mapped_file() {
    python3 - <<'END'
import mmap, os
with open('/share/target', 'r+b') as file:
    pages = mmap.mmap(file.fileno(), 1 << 16)
    source = os.open('/plain/usr/bin/perl', os.O_RDONLY | os.O_DIRECT)
    assert os.preadv(source, [pages], 0) == 1 << 16
    with open('/plain/usr/bin/perl', 'rb') as plain: assert pages[:] == plain.read(1 << 16)
END
}

check_they_are_unmounted() {
    umount /image /plain /share
}
