# Runs check functions, one line of result each; the trace of a failed one follows its line.
results=/tmp/check-output
exec 8>&1 9<&0

# ask_host WORD: lets the harness do WORD, and waits until it has.
ask_host() {
    echo "host: $1" >&8
    read -r _ <&9
}

run_check() {
    # Not as a condition: that would switch "set -e" off within.
    (set -ex; cd /; "check_$1") > $results 2>&1
    if [ $? = 0 ]; then
        echo "ok $1"
    else
        echo "not ok $1"
        tail -n 40 $results | sed 's/^/# /'
    fi
}

# fails COMMAND...: succeeds if the command does not. ("! command" would not end a check.)
fails() { if "$@"; then return 1; fi; }

# dpkg's records of every package's files; what the image leaves out on purpose has no file to compare.
compare_packaged_files() {
    cat /var/lib/dpkg/info/*.md5sums > /tmp/sums
    : > /tmp/present
    while read -r sum file; do
        if [ -f "/$file" ]; then echo "$sum  $file" >> /tmp/present; fi
    done < /tmp/sums
    [ "$(wc -l < /tmp/present)" -gt 2000 ]
    md5sum --check --quiet /tmp/present
}
