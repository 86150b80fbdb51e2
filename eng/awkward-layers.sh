# The upper three layers of the test image, sourced by eng/setup: entries that are easy to get wrong.
# shellcheck shell=bash

awkward_layers() {
    local root=$PWD/bundle/rootfs edge=$PWD/bundle/rootfs/edge
    awkward_entries
    layer awkward 'edge cases'
    awkward_changes
    layer awkward 'deletes and replacements'
    awkward_by_hand
    umoci raw add-layer --image awkward:latest by-hand.tar --history.created_by 'opaque whiteout'
    umoci gc --layout awkward
}

# Every kind of entry, name and attribute that tar carries, and what the next layer changes.
awkward_entries() {
    local i directory
    mkdir -p "$edge"/{d1/sub,opaque/deep/er,repl-dir,perm,gone-dir/a/b,empty-dir,many}
    echo one > "$edge/d1/sub/file"
    echo old > "$edge/opaque/old"
    echo old > "$edge/opaque/deep/er/f"
    echo keep > "$edge/keep"
    echo bye > "$edge/gone"
    echo bye > "$edge/gone-dir/a/b/f"
    echo dir > "$edge/repl-dir/f"
    echo file > "$edge/repl-file"
    ln -s keep "$edge/repl-link"
    : > "$edge/empty"

    head -c 300000 /dev/urandom > "$edge/hl1"
    ln "$edge/hl1" "$edge/hl2"
    ln "$edge/hl1" "$edge/d1/hl3"
    ln -s /etc/passwd "$edge/abs-link"
    ln -s ../edge/d1/sub/file "$edge/rel-link"
    ln -s nowhere "$edge/dangling"
    ln -s "$(printf 'x%.0s' {1..300})" "$edge/long-link"
    mknod "$edge/null" c 1 3
    mknod "$edge/blk" b 7 200
    mkfifo "$edge/fifo"
    truncate -s 64M "$edge/sparse"
    printf end | dd of="$edge/sparse" bs=1 seek=$((40 << 20)) conv=notrunc status=none

    echo long > "$edge/$(printf 'n%.0s' {1..255})"
    directory=$edge
    for i in {1..5}; do
        directory=$directory/$(printf 'p%.0s' {1..100})
        mkdir "$directory"
    done
    echo deep > "$directory/leaf"
    printf x > "$edge/"$'new\nline'
    printf x > "$edge/"$'\xc3\xbcml\xc3\xa4ut-\xe6\x97\xa5'
    printf x > "$edge/"$'latin1-\xe9'

    for i in suid sgid cap; do cp "$root/bin/true" "$edge/$i"; done
    chown 0:42 "$edge/sgid"
    chmod 4755 "$edge/suid"
    chmod 2755 "$edge/sgid"
    chmod 1777 "$edge/perm"
    : > "$edge/noperm"
    chmod 000 "$edge/noperm"
    chown 100000:200000 "$edge/noperm"
    chown 2000000:3000000 "$edge/empty"
    setcap cap_net_raw,cap_net_bind_service+ep "$edge/cap"
    setfattr -n user.comment -v 'a value' "$edge/keep"
    setfattr -n user.bin -v 0x00ff00 "$edge/keep"
    setfattr -n trusted.t -v tt "$edge/d1"
    touch -d '1969-12-31 23:59:58 UTC' "$edge/before1970"
    touch -d '2040-02-29 12:00:00.123456789 UTC' "$edge/after2038"

    for i in {0000..4999}; do : > "$edge/many/$i"; done
    for i in {0..63}; do head -c $((i * 4096 + i)) /dev/urandom > "$edge/many/r$i"; done
    head -c 25000000 /dev/urandom > "$edge/big.random"
    { yes 'a compressible line of text' || true; } 2> /dev/null | head -c 40000000 > "$edge/big.text"
}

# Deletions, replacements of one kind by another, renames, changes of attributes alone.
awkward_changes() {
    rm -rf "$edge/gone" "$edge/gone-dir" "$edge/repl-file" "$edge/repl-link" "$edge/opaque" "$edge/hl2" "$edge"/many/00*
    mkdir "$edge/repl-file" "$edge/repl-link" "$edge/opaque"
    echo now-a-dir > "$edge/repl-file/f"
    echo new > "$edge/opaque/new"
    chmod 600 "$edge/d1/sub/file"
    mv "$edge/d1/sub" "$edge/d1/renamed"
    setfattr -x user.bin "$edge/keep"
    ln "$edge/hl1" "$edge/hl4"
    rm -rf "$root/usr/share/locale"
}

# What umoci does not write itself: an opaque whiteout, and a file in place of a directory (beside which umoci
# leaves a whiteout below the new file).
awkward_by_hand() {
    mkdir -p by-hand/edge/opaque
    : > by-hand/edge/opaque/.wh..wh..opq
    echo newest > by-hand/edge/opaque/newest
    echo now-a-file > by-hand/edge/repl-dir
    tar -C by-hand --sort=name --owner=0 --group=0 --numeric-owner -cf by-hand.tar edge
}
