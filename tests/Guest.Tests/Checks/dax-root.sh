# The demo image as root by way of a window, mounted as Linux does without a word: what is large is mapped, what is small is read.

check_the_root_is_the_image_by_way_of_the_window() {
    grep -q '^overlay / overlay .*lowerdir=/lower' /proc/mounts
    dmesg | grep -q 'virtiofs .*Cache len: 0x40000000'
}

check_programs_run_from_mapped_pages() {
    python3 -c 'import json, re, argparse, collections; print(json.dumps({"a": [1, 2]}))'
    perl -MPOSIX -e 'print floor(1.5), "\n"'
}

check_every_packaged_file_has_its_digest() { compare_packaged_files; }

# Both guests are there when it does.
check_the_host_has_looked_at_the_vmms() { ask_host look; }
