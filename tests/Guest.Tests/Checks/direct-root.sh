# A directory of the host that the kernel itself mounted as root.

check_the_root_is_virtio_fs() { grep -Eq '^[^ ]+ / virtiofs rw' /proc/mounts; }

check_the_root_is_writable() {
    echo 'written by the guest' > /from-guest
    [ "$(cat /from-guest)" = 'written by the guest' ]
    mkdir -p /a/b/c
    mv /a/b /d
    [ -d /d/c ]
}

check_programs_are_read_from_the_root() {
    echo 3 > /proc/sys/vm/drop_caches
    [ "$(/bin/busybox echo alive)" = alive ]
}
