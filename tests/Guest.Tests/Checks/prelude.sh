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
