# A container's root as Kata mounts it: overlayfs in the guest, an image below, a directory of the host above, both from one device.
shared=/run/kata-containers/shared
lower=$shared/rafs/c/lowerdir
snapshot=$shared/containers/c/snapshotdir
merged=/merged

# Not busybox's own, which its shell would run.
getfattr=/usr/bin/getfattr
setfattr=/usr/bin/setfattr

mount_overlay() {
    mkdir -p "$snapshot/fs" "$snapshot/work" $merged
    mount -t overlay overlay -o "lowerdir=$lower,upperdir=$snapshot/fs,workdir=$snapshot/work,index=off${1:-}" $merged
}

check_overlayfs_takes_the_share_as_its_upper_directory() {
    insmod /overlay.ko
    mount_overlay
    grep -q "^overlay $merged overlay rw" /proc/mounts
}

check_overlayfs_finds_nothing_missing() {
    # It warns where whiteouts, O_TMPFILE, d_type or xattrs are not to be had, and goes on with less.
    dmesg > /tmp/dmesg
    fails grep -i overlayfs /tmp/dmesg
}

check_what_is_created_changed_and_removed_is_seen() {
    cd $merged
    echo new > etc/created
    echo changed >> etc/hostname
    rm etc/passwd
    rm -r etc/apt
    mv etc/group etc/moved
    [ "$(cat etc/created)" = new ]
    [ "$(tail -n 1 etc/hostname)" = changed ]
    fails test -e etc/passwd
    fails test -e etc/apt
    grep -q root etc/moved
    fails test -e etc/group
    ls etc > /tmp/names
    fails grep -qx -e passwd -e apt -e group /tmp/names
    [ -e $lower/etc/passwd ] && [ -e $lower/etc/apt ] && [ -e $lower/etc/group ]
}

check_what_is_removed_is_a_whiteout_above() {
    [ "$(stat -c '%F %t %T' $snapshot/fs/etc/passwd)" = 'character special file 0 0' ]
    [ "$(stat -c '%F %t %T' $snapshot/fs/etc/group)" = 'character special file 0 0' ]
}

check_a_directory_that_is_made_again_is_empty() {
    cd $merged
    rm -r var/www
    mkdir var/www
    [ -z "$(ls -A var/www)" ]
    [ "$($getfattr --only-values -n trusted.overlay.opaque $snapshot/fs/var/www)" = y ]
}

check_a_directory_of_the_image_is_renamed_by_copy() {
    # Without redirect_dir overlayfs answers EXDEV, and mv copies.
    cd $merged
    mv usr/share/nginx usr/share/renamed
    [ -d usr/share/renamed ]
    fails test -e usr/share/nginx
}

check_links_attributes_and_devices_are_kept() {
    cd $merged
    ln bin/true hard
    [ "$(stat -c %h hard)" = 2 ]
    ln -s etc soft
    chown 1000:1000 etc/created
    chmod 4755 etc/created
    mknod node c 1 3
    mkfifo fifo
    [ "$(stat -c '%u %g %a' etc/created)" = '1000 1000 4755' ]
    [ "$(stat -c '%F %t %T' node)" = 'character special file 1 3' ]
    $setfattr -n user.own -v value etc/created
    [ "$($getfattr --only-values -n user.own etc/created)" = value ]
}

check_a_package_installs() {
    cd $merged
    cp $shared/containers/hello.deb tmp/
    for d in proc dev; do mount -o bind /$d $d; done
    # The accounts that the checks above took away.
    cp $lower/etc/passwd $lower/etc/group etc/
    chroot . /bin/bash -c 'dpkg -i /tmp/hello.deb && hello' > /tmp/installed
    umount proc dev
    grep -q 'Hello, world!' /tmp/installed
}

check_a_package_of_the_image_is_removed() {
    cd $merged
    [ -e usr/sbin/nginx ]
    for d in proc dev; do mount -o bind /$d $d; done
    # Not busybox's own dpkg.
    chroot . /usr/bin/dpkg --remove --force-depends nginx-light nginx
    umount proc dev
    fails test -e usr/sbin/nginx
    [ -e $lower/usr/sbin/nginx ]
}

check_all_is_there_after_a_remount() {
    cd /
    umount $merged
    echo 3 > /proc/sys/vm/drop_caches
    mount_overlay
    cd $merged
    chroot . /usr/bin/hello
    chroot . /usr/bin/dpkg --verify hello
    fails test -e usr/sbin/nginx
    [ -z "$(ls -A var/www)" ]
    cd /
    umount $merged
}

check_directories_are_renamed_by_redirection() {
    mount_overlay ,redirect_dir=on
    cd $merged
    mv usr/share/perl5 usr/share/redirected
    [ "$($getfattr --only-values -n trusted.overlay.redirect $snapshot/fs/usr/share/redirected)" = perl5 ]
    [ -d usr/share/redirected ]
    fails test -e usr/share/perl5
    cd /
    umount $merged
}

check_its_marks_can_be_user_attributes() {
    snapshot=$shared/containers/user
    mount_overlay ,userxattr
    cd $merged
    rm -r etc/apt
    mkdir etc/apt
    rm etc/passwd
    [ -z "$(ls -A etc/apt)" ]
    [ "$($getfattr --only-values -n user.overlay.opaque $snapshot/fs/etc/apt)" = y ]
    fails $getfattr -n trusted.overlay.opaque $snapshot/fs/etc/apt
    cd /
    umount $merged
}

check_another_container_comes_and_goes_meanwhile() {
    mount_overlay
    ask_host "mount another"
    [ "$(ls $shared/rafs)" = "$(printf 'another\nc')" ]
    another=$shared/rafs/another/lowerdir
    cmp $another/etc/hostname $lower/etc/hostname
    chroot $merged /bin/true
    exec 5< $another/usr/bin/dpkg
    ask_host "unmount another"
    [ "$(ls $shared/rafs)" = c ]
    fails test -e $another
    # Read over the device, not from the guest's cache.
    echo 3 > /proc/sys/vm/drop_caches
    cmp - $lower/usr/bin/dpkg <&5
    exec 5<&-
    chroot $merged /usr/bin/dpkg --version > /tmp/version
    umount $merged
}

check_all_containers_go() {
    ask_host "unmount all"
    [ -z "$(ls $shared)" ]
    fails test -e $lower
    fails test -e $snapshot
}

check_overlayfs_has_not_complained() {
    dmesg > /tmp/dmesg
    fails grep -i overlayfs /tmp/dmesg
}
