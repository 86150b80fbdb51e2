# The rules of tests/Posix in a guest: on its own tmpfs and on shares, two targets at a time. What the tests need of each target,
# the arguments of run.py, is in the variables share, reference and write_back.

# Arguments without blanks, or none.
# shellcheck disable=SC2086
check_the_rules_are_tried() {
    export PYTHONPYCACHEPREFIX=/tmp/pycache
    cp -r /share/suite /tmp/suite
    mkdir /tmp/reference
    # That a rule fails is told by its own test.
    python3 /tmp/suite/run.py /share $share > /tmp/results-share || true &
    python3 /tmp/suite/run.py /tmp/reference $reference > /tmp/results-reference || true
    python3 /tmp/suite/run.py /write-back $write_back > /tmp/results-write_back || true
    wait
    for target in share reference write_back; do
        echo "target: $target" >&8
        cat /tmp/results-$target >&8
    done
}
