# Shares with a tmpfs of the host mounted at "below": /told, whose daemon announces it, and /untold.

check_a_submount_that_is_announced_is_a_mount_of_its_own() {
    [ "$(cat /told/below/file)" = below ]
    grep -q ' /told/below virtiofs ' /proc/mounts
    [ "$(stat -c %d /told/below/file)" != "$(stat -c %d /told)" ]
}

check_one_that_is_not_announced_is_a_directory() {
    [ "$(cat /untold/below/file)" = below ]
    fails grep -q ' /untold/below ' /proc/mounts
    [ "$(stat -c %d /untold/below/file)" = "$(stat -c %d /untold)" ]
    # Told from a file of the share all the same.
    [ "$(stat -c %i /untold/below)" != "$(stat -c %i /untold)" ]
}

check_both_are_written_and_synced() {
    echo guest > /told/below/from-guest
    echo guest > /untold/below/from-guest
    sync -f /told/below
    sync
    [ "$(cat /told/below/from-guest)" = guest ]
}
