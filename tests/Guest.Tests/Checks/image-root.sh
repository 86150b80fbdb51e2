# The demo image (see eng/setup) as root: layers merged by the daemon, an overlay of the guest's own on top, and a
# directory of the host on /mnt.

check_the_root_is_the_image() {
    grep -q '^overlay / overlay .*lowerdir=/lower' /proc/mounts
    grep -q '^PRETTY_NAME="Debian GNU/Linux 13 (trixie)"' /etc/os-release
    [ "$(python3 -c 'print("ready")')" = ready ]
}

check_what_the_upper_layer_deleted_is_gone() {
    fails test -e /usr/share/locale
    fails test -e /etc/motd
    [ -z "$(find / -xdev -name '.wh.*')" ]
}

check_what_the_upper_layer_replaced_is_new() {
    [ -f /srv ]
    [ "$(cat /srv)" = 'was a directory' ]
    [ "$(cat /etc/debian_version/codename)" = trixie ]
    [ "$(readlink /etc/issue)" = /etc/nginx/nginx.conf ]
    grep -q 'worker_processes' /etc/issue
}

check_what_the_upper_layer_renamed_has_moved() {
    fails test -e /var/www/html
    [ "$(cat /var/www/site/index.nginx-debian.html)" = '<h1>It works</h1>' ]
    fails test -e /etc/issue.net
    [ -s /etc/issue.network ]
}

# dpkg's records of every package's files; what the image leaves out on purpose has no file to compare.
check_every_packaged_file_has_its_digest() {
    cat /var/lib/dpkg/info/*.md5sums > /tmp/sums
    : > /tmp/present
    while read -r sum file; do
        if [ -f "/$file" ]; then echo "$sum  $file" >> /tmp/present; fi
    done < /tmp/sums
    [ "$(wc -l < /tmp/present)" -gt 2000 ]
    md5sum --check --quiet /tmp/present
}

check_packaged_files_that_are_missing_were_left_out_on_purpose() {
    cut -c 35- /var/lib/dpkg/info/*.md5sums | grep -Ev '^usr/share/(doc|man|locale)/|^var/www/html/' > /tmp/expected
    while read -r file; do
        if ! [ -e "/$file" ]; then echo "missing: /$file"; fi
    done < /tmp/expected > /tmp/missing
    cat /tmp/missing
    [ ! -s /tmp/missing ]
}

check_modes_and_owners_come_from_the_layers() {
    [ "$(stat -c '%u %g %a' /usr/bin/passwd)" = '0 0 4755' ]
    [ "$(stat -c '%U %G %a' /etc/shadow)" = 'root shadow 640' ]
    [ "$(stat -c %a /tmp)" = 1777 ]
}

check_a_program_of_the_second_layer_runs() { nginx -t; }

check_writes_go_to_the_guest_alone() {
    echo changed > /etc/hostname
    rm /etc/debian_version/codename
    mkdir /new && mv /etc/issue.network /new/
    [ "$(cat /etc/hostname)" = changed ]
    fails test -e /etc/debian_version/codename
    [ -s /new/issue.network ]
}

check_the_image_itself_refuses_writes() {
    mkdir -p /image
    mount -t virtiofs root /image
    fails sh -c ': > /image/written'
    fails rm /image/etc/os-release
    fails chmod 777 /image/etc/os-release
    [ -s /image/etc/os-release ]
}

check_a_share_beside_the_image_is_writable() {
    [ "$(cat /mnt/from-host)" = 'written by the host' ]
    cp /etc/os-release /mnt/os-release
    cmp /etc/os-release /mnt/os-release
}
