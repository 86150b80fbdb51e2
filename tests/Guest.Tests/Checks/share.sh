# A directory of the host on /share, read-write, from an initramfs with git, SQLite and Python.

check_the_share_is_mounted() {
    grep -q '^share /share virtiofs rw' /proc/mounts
    [ "$(stat -f -c %T /share)" != tmpfs ]
}

check_reads_what_the_host_wrote() {
    [ "$(cat /share/from-host)" = 'written by the host' ]
    [ "$(stat -c '%s %a' /share/from-host)" = '20 640' ]
}

check_sees_what_the_host_changes_later() {
    [ "$(cat /share/changing)" = before ]
    ask_host change
    # Until the cached attributes are out of date.
    for _ in $(seq 100); do
        if [ "$(cat /share/changing)" = 'after, and longer' ]; then return; fi
        sleep 0.1
    done
    false
}

check_writes_and_reads_back() {
    echo 'written by the guest' > /share/from-guest
    [ "$(cat /share/from-guest)" = 'written by the guest' ]
    echo more >> /share/from-guest
    [ "$(wc -l < /share/from-guest)" = 2 ]
}

check_a_large_file_survives_a_cold_cache() {
    dd if=/dev/urandom of=/tmp/large bs=1M count=24 2> /dev/null
    cp /tmp/large /share/large
    sync
    echo 3 > /proc/sys/vm/drop_caches
    cmp /tmp/large /share/large
    rm /tmp/large
}

check_reads_and_writes_at_odd_offsets() {
    python3 - <<'END'
import os, random
random.seed(1)
shadow = bytearray(3_000_000)
fd = os.open('/share/odd', os.O_RDWR | os.O_CREAT)
os.ftruncate(fd, len(shadow))
for _ in range(200):
    offset = random.randrange(len(shadow) - 70_000)
    data = random.randbytes(random.choice((1, 511, 4095, 4097, 65_537)))
    assert os.pwrite(fd, data, offset) == len(data)
    shadow[offset:offset + len(data)] = data
os.fsync(fd)
os.close(fd)
with open('/proc/sys/vm/drop_caches', 'w') as caches:
    caches.write('3')
with open('/share/odd', 'rb') as file:
    assert file.read() == shadow
END
}

check_direct_io_bypasses_the_cache() {
    dd if=/dev/urandom of=/tmp/direct bs=64k count=16 2> /dev/null
    dd if=/tmp/direct of=/share/direct bs=64k oflag=direct 2> /dev/null
    dd if=/share/direct bs=64k iflag=direct 2> /dev/null | cmp - /tmp/direct
}

check_truncates_and_extends() {
    printf 0123456789 > /share/truncated
    truncate -s 4 /share/truncated
    [ "$(cat /share/truncated)" = 0123 ]
    truncate -s 8 /share/truncated
    [ "$(od -An -tx1 /share/truncated | tr -d ' ')" = 3031323300000000 ]
}

check_allocates_and_finds_holes() {
    python3 - <<'END'
import errno, os
fd = os.open('/share/holes', os.O_RDWR | os.O_CREAT)
os.ftruncate(fd, 1 << 20)
os.pwrite(fd, b'x' * 4096, 512 << 10)
os.fsync(fd)
assert os.lseek(fd, 0, os.SEEK_DATA) == 512 << 10, 'SEEK_DATA'
assert os.lseek(fd, 512 << 10, os.SEEK_HOLE) == (512 << 10) + 4096, 'SEEK_HOLE'
os.posix_fallocate(fd, 0, 2 << 20)
assert os.fstat(fd).st_size == 2 << 20
END
}

check_copies_a_range_of_a_file() {
    python3 - <<'END'
import os
with open('/share/copied-from', 'wb') as file:
    file.write(bytes(range(256)) * 4096)
source, target = os.open('/share/copied-from', os.O_RDONLY), os.open('/share/copied-to', os.O_RDWR | os.O_CREAT)
left = 1 << 20
while left:
    count = os.copy_file_range(source, target, left)
    assert count > 0
    left -= count
assert os.pread(target, 2 << 20, 0) == bytes(range(256)) * 4096
END
}

check_renames_within_and_across_directories() {
    mkdir /share/r1 /share/r2
    echo moved > /share/r1/a
    mv /share/r1/a /share/r1/b
    mv /share/r1/b /share/r2/c
    [ "$(cat /share/r2/c)" = moved ]
    fails test -e /share/r1/a
    mv /share/r2 /share/r1/inner
    [ "$(cat /share/r1/inner/c)" = moved ]
}

check_a_rename_replaces_its_target_at_once() {
    echo old > /share/target
    exec 5< /share/target
    echo new > /share/replacement
    mv /share/replacement /share/target
    [ "$(cat /share/target)" = new ]
    [ "$(cat <&5)" = old ]
}

check_an_open_file_outlives_its_name() {
    echo content > /share/unlinked
    exec 5<> /share/unlinked
    rm /share/unlinked
    fails test -e /share/unlinked
    [ "$(cat <&5)" = content ]
    echo more >&5
}

check_hard_links_share_an_inode() {
    echo linked > /share/link1
    ln /share/link1 /share/link2
    [ "$(stat -c %i /share/link1)" = "$(stat -c %i /share/link2)" ]
    [ "$(stat -c %h /share/link1)" = 2 ]
    rm /share/link1
    [ "$(cat /share/link2)" = linked ]
    [ "$(stat -c %h /share/link2)" = 1 ]
}

check_symbolic_links_keep_their_text() {
    ln -s 'where ever/it points' /share/symlink
    [ "$(readlink /share/symlink)" = 'where ever/it points' ]
    ln -s from-host /share/good-symlink
    [ "$(cat /share/good-symlink)" = 'written by the host' ]
}

check_modes_owners_and_times_are_kept() {
    : > /share/attributes
    chmod 4751 /share/attributes
    [ "$(stat -c %a /share/attributes)" = 4751 ]
    chown 1000:2000 /share/attributes
    [ "$(stat -c '%u %g' /share/attributes)" = '1000 2000' ]
    python3 -c "import os; os.utime('/share/attributes', ns=(1_500_000_000_123_456_789, -1_500_000_001))
s = os.stat('/share/attributes'); assert (s.st_atime_ns, s.st_mtime_ns) == (1_500_000_000_123_456_789, -1_500_000_001), s"
}

check_files_belong_to_their_creator() {
    mkdir -m 1777 /share/open
    python3 - <<'END'
import os
if os.fork() == 0:
    os.setgroups([])
    os.setgid(2000)
    os.setuid(1000)
    os.close(os.open('/share/open/mine', os.O_CREAT | os.O_WRONLY, 0o600))
    os._exit(0)
assert os.wait()[1] == 0
END
    [ "$(stat -c '%u %g %a' /share/open/mine)" = '1000 2000 600' ]
}

check_permissions_are_enforced() {
    echo secret > /share/secret
    chmod 600 /share/secret
    python3 - <<'END'
import os
if os.fork() == 0:
    os.setuid(1000)
    try:
        open('/share/secret')
    except PermissionError:
        os._exit(0)
    os._exit(1)
assert os.wait()[1] == 0
END
}

check_a_shared_mapping_writes_the_file() {
    python3 - <<'END'
import mmap, os
fd = os.open('/share/mapped', os.O_RDWR | os.O_CREAT)
os.ftruncate(fd, 1 << 20)
with mmap.mmap(fd, 1 << 20) as first, mmap.mmap(fd, 1 << 20) as second:
    for page in range(0, 1 << 20, 4096):
        first[page:page + 8] = page.to_bytes(8, 'little')
    assert all(second[page:page + 8] == page.to_bytes(8, 'little') for page in range(0, 1 << 20, 4096))
    first.flush()
os.close(fd)
with open('/proc/sys/vm/drop_caches', 'w') as caches:
    caches.write('3')
with open('/share/mapped', 'rb') as file:
    content = file.read()
assert all(content[page:page + 8] == page.to_bytes(8, 'little') for page in range(0, 1 << 20, 4096))
END
}

check_a_program_runs_from_the_share() {
    cp /bin/busybox /share/busybox
    chmod 755 /share/busybox
    [ "$(/share/busybox echo it runs)" = 'it runs' ]
}

# Not busybox's own, which its shell would run.
getfattr=/usr/bin/getfattr
setfattr=/usr/bin/setfattr

check_extended_attributes_are_kept() {
    : > /share/xattr
    $setfattr -n user.one -v 1 /share/xattr
    $setfattr -n user.binary -v 0x00ff00 /share/xattr
    [ "$($getfattr --only-values -n user.one /share/xattr)" = 1 ]
    $getfattr -e hex -n user.binary /share/xattr | grep -q '=0x00ff00'
    [ "$($getfattr /share/xattr 2> /dev/null | grep -c user)" = 2 ]
    $setfattr -x user.one /share/xattr
    fails $getfattr -n user.one /share/xattr
}

check_a_directory_of_many_entries_is_listed_whole() {
    mkdir /share/many
    (cd /share/many && seq 2000 | sed 's/^/entry-with-a-rather-long-name-/' | xargs touch)
    echo 3 > /proc/sys/vm/drop_caches
    [ "$(ls /share/many | sort -u | wc -l)" = 2000 ]
    [ "$(find /share/many -type f -size 0 | wc -l)" = 2000 ]
    rm -r /share/many
    fails test -e /share/many
}

check_names_may_hold_any_bytes() {
    long=$(printf 'n%.0s' $(seq 255))
    python3 - "$long" <<'END'
import os, sys
names = [b'new\nline', b'latin1-\xe9', '\u65e5\u672c'.encode(), b' ', b'-', sys.argv[1].encode()]
os.mkdir('/share/names')
for name in names:
    with open(b'/share/names/' + name, 'wb') as file:
        file.write(name)
assert sorted(os.listdir(b'/share/names')) == sorted(names)
for name in names:
    with open(b'/share/names/' + name, 'rb') as file:
        assert file.read() == name
try:
    open(b'/share/names/' + b'n' * 256, 'wb')
    sys.exit('a name of 256 bytes was taken')
except OSError as error:
    assert error.strerror == 'File name too long', error
END
}

check_locks_exclude_each_other() {
    python3 - <<'END'
import fcntl, os
holder = open('/share/locked', 'w')
for lock in (fcntl.flock, fcntl.lockf):
    lock(holder, fcntl.LOCK_EX)
    if os.fork() == 0:
        other = open('/share/locked', 'w')
        try:
            lock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os._exit(0)
        os._exit(1)
    assert os.wait()[1] == 0, lock
    lock(holder, fcntl.LOCK_UN)
END
}

check_git_works_on_the_share() {
    export HOME=/tmp GIT_CONFIG_NOSYSTEM=1
    git config --global user.name guest
    git config --global user.email guest@example.org
    git init -q -b main /share/git
    cd /share/git
    for i in $(seq 40); do echo "content $i" > "file$i"; done
    git add .
    git commit -q -m first
    git checkout -q -b topic
    echo changed > file1
    git mv file2 renamed
    git rm -q file3
    git commit -q -a -m second
    git checkout -q main
    [ "$(cat file1)" = 'content 1' ]
    git merge -q --no-edit topic
    [ "$(cat file1)" = changed ]
    [ -z "$(git status --porcelain)" ]
    git gc -q
    git fsck --strict --full
    git clone -q --no-hardlinks /share/git /share/git-clone
    [ "$(git -C /share/git-clone log --format=%s | wc -l)" = 2 ]
}

sqlite_workload() {
    sqlite3 "$1" "PRAGMA journal_mode=$2; PRAGMA mmap_size=$3; CREATE TABLE t(id INTEGER PRIMARY KEY, text TEXT); CREATE INDEX i ON t(text);"
    sqlite3 "$1" "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
        INSERT INTO t SELECT i, hex(randomblob(40)) FROM n; UPDATE t SET text = 'even' WHERE id % 2 = 0; DELETE FROM t WHERE id % 5 = 0; VACUUM;"
    sqlite3 "$1" 'BEGIN; DELETE FROM t; ROLLBACK;'
    [ "$(sqlite3 "$1" 'PRAGMA integrity_check; SELECT count(*) FROM t;' | tr '\n' ' ')" = 'ok 4000 ' ]
}

check_sqlite_works_with_a_rollback_journal() { sqlite_workload /share/journal.db DELETE 0; }

check_sqlite_works_with_a_shared_memory_log() { sqlite_workload /share/wal.db WAL 67108864; }

check_two_sqlite_writers_wait_for_each_other() {
    sqlite3 /share/writers.db 'CREATE TABLE t(n);'
    for writer in 1 2; do
        (for i in $(seq 20); do echo "INSERT INTO t VALUES($i);"; done | sqlite3 -cmd '.timeout 60000' /share/writers.db) &
    done
    wait
    [ "$(sqlite3 /share/writers.db 'SELECT count(*) FROM t;')" = 40 ]
}

check_both_request_queues_carry_requests() {
    for cpu in 0 1; do
        taskset $((1 << cpu)) sh -c "for i in \$(seq 50); do : > /share/queue-$cpu; rm /share/queue-$cpu; done"
    done
    for queue in 0 1; do
        line=$(grep -E "virtio[0-9]+-requests.$queue" /proc/interrupts)
        [ "$(echo "$line" | awk '{ print $2 + $3 }')" -gt 50 ]
    done
}

check_statfs_tells_of_the_host() { [ "$(stat -f -c %b /share)" -gt 1000 ]; }
