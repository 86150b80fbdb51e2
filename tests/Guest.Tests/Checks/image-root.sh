# The demo image (see eng/setup) as root, with an overlay of the guest's own on top; a directory of the host on /mnt, and
# another image on /awkward.

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

check_every_packaged_file_has_its_digest() { compare_packaged_files; }

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

# --- The awkward image of eng/awkward-layers.sh, mounted on /awkward. ---

edge=/awkward/edge

check_awkward_deleted_entries_are_gone() {
    for name in gone gone-dir hl2 many/0000 many/0099 d1/sub; do fails test -e $edge/$name; done
    [ -e $edge/many/0100 ]
    [ "$(ls $edge/many | wc -l)" = $((4900 + 64)) ]
}

check_awkward_opaque_directory_hides_all_below() { [ "$(ls $edge/opaque)" = newest ]; }

check_awkward_kinds_replace_each_other() {
    [ "$(cat $edge/repl-dir)" = now-a-file ]
    [ "$(cat $edge/repl-file/f)" = now-a-dir ]
    [ -d $edge/repl-link ] && ! [ -L $edge/repl-link ]
}

check_awkward_hard_links_are_one_inode() {
    [ "$(stat -c '%i %h' $edge/hl1)" = "$(stat -c %i $edge/d1/hl3) 2" ]
    cmp $edge/hl1 $edge/d1/hl3
    # A link made in an upper layer is a file of its own there: that is how umoci writes it.
    [ "$(stat -c '%h %s' $edge/hl4)" = '1 300000' ]
    cmp $edge/hl1 $edge/hl4
}

check_awkward_symbolic_links_keep_their_text() {
    [ "$(readlink $edge/abs-link)" = /etc/passwd ]
    [ "$(readlink $edge/dangling)" = nowhere ]
    [ "$(readlink $edge/long-link | tr -d '\n' | wc -c)" = 300 ]
}

check_awkward_nodes_keep_their_numbers() {
    [ "$(stat -c '%F %t %T' $edge/null)" = 'character special file 1 3' ]
    [ "$(stat -c '%F %t %T' $edge/blk)" = 'block special file 7 c8' ]
    [ -p $edge/fifo ]
    [ -z "$(cat $edge/null)" ]
}

check_awkward_names_are_bytes() {
    python3 - <<'END'
import os
edge = b'/awkward/edge/'
for name in (b'n' * 255, b'new\nline', b'latin1-\xe9', b'\xc3\xbcml\xc3\xa4ut-\xe6\x97\xa5'):
    assert name in os.listdir(edge), name
    assert os.stat(edge + name).st_size in (1, 5), name
with open(edge + b'/'.join([b'p' * 100] * 5) + b'/leaf') as leaf:
    assert leaf.read() == 'deep\n'
END
}

check_awkward_attributes_are_kept() {
    [ "$(stat -c %a $edge/suid)" = 4755 ]
    [ "$(stat -c '%a %g' $edge/sgid)" = '2755 42' ]
    [ "$(stat -c %a $edge/perm)" = 1777 ]
    [ "$(stat -c '%a %u %g' $edge/noperm)" = '0 100000 200000' ]
    [ "$(stat -c '%u %g' $edge/empty)" = '2000000 3000000' ]
    [ "$(stat -c %a $edge/d1/renamed/file)" = 600 ]
    [ "$(stat -c %Y $edge/before1970)" = -2 ]
    [ "$(stat -c %Y $edge/after2038)" = 2214129600 ]
}

check_awkward_extended_attributes_are_kept() {
    python3 - <<'END'
import os, struct
edge = '/awkward/edge/'
assert os.getxattr(edge + 'keep', 'user.comment') == b'a value'
assert 'user.bin' not in os.listxattr(edge + 'keep')
assert os.getxattr(edge + 'd1', 'trusted.t') == b'tt'
# struct vfs_cap_data (linux/capability.h): revision 2 with the effective bit, CAP_NET_BIND_SERVICE and CAP_NET_RAW.
assert struct.unpack('<IIIII', os.getxattr(edge + 'cap', 'security.capability')) == (0x02000001, 1 << 10 | 1 << 13, 0, 0, 0)
END
}

check_awkward_files_have_their_contents() {
    [ "$(stat -c %s $edge/sparse)" = $((64 << 20)) ]
    [ "$(tail -c +$(((40 << 20) + 1)) $edge/sparse | head -c 3)" = end ]
    [ "$(wc -c < $edge/big.random)" = 25000000 ]
    [ "$(uniq $edge/big.text | head -n 1)" = 'a compressible line of text' ]
    for i in 0 1 63; do [ "$(wc -c < $edge/many/r$i)" = $((i * 4096 + i)) ]; done
}
