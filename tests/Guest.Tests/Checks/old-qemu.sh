# A directory of the host on /share, under the QEMU of Debian 12.

check_the_share_is_mounted() { grep -q '^share /share virtiofs rw' /proc/mounts; }

check_reads_what_the_host_wrote() { [ "$(cat /share/from-host)" = 'written by the host' ]; }

check_a_large_file_survives_a_cold_cache() {
    dd if=/dev/urandom of=/tmp/large bs=1M count=16
    cp /tmp/large /share/large
    sync
    echo 3 > /proc/sys/vm/drop_caches
    cmp /tmp/large /share/large
}

check_renames_and_removes() {
    echo x > /share/a
    mv /share/a /share/b
    rm /share/b
    [ "$(ls /share | sort | tr '\n' ' ')" = 'from-host large ' ]
}
