#!/usr/bin/env python3
"""
Tries the rules of POSIX and Linux on a directory: one line a rule, "ok NAME", "skip NAME: reason" or "not ok NAME: reason".
A rule runs in a process and a directory of its own, and is ended when it takes too long. Needs root.
"""

import argparse
import importlib
import os
import select
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from suite import rule as rules  # noqa: E402
from suite import target  # noqa: E402
from suite.files import clear  # noqa: E402

SUBJECTS = sorted(name[:-3] for name in os.listdir(os.path.join(sys.path[0], "rules")) if name.endswith(".py") and not name.startswith("_"))


def collect(subjects):
    """The rules of modules in their order: (name, function)."""
    for subject in subjects:
        module = importlib.import_module(f"rules.{subject}")
        for name, function in vars(module).items():
            if getattr(function, "__module__", None) != module.__name__ or name.startswith("_"):
                continue
            if function.__code__.co_varnames[:function.__code__.co_argcount] == ("t",):
                yield f"{subject}.{name}", function


def place_of(error):
    """The line of the rule's module in which an exception came up."""
    line, frame = 0, error.__traceback__
    while frame:
        if f"{os.sep}rules{os.sep}" in frame.tb_frame.f_code.co_filename:
            line = frame.tb_lineno
        frame = frame.tb_next
    return line


def call(function, on, name, pipe):
    """The child's part: the rule itself, and its line."""
    context = rules.Rule(on, name)
    os.umask(0o022)
    try:
        function(context)
        line = "ok NAME"
        if context.reasons:
            line += f" (on FUSE: {'; '.join(context.reasons)})"
    except rules.Skip as reason:
        line = f"skip NAME: {reason}"
    except BaseException as error:  # Whatever it is, it is the rule's result.
        text = str(error) if isinstance(error, AssertionError) else f"{type(error).__name__}: {error}"
        line = f"not ok NAME: {text} (line {place_of(error)})"
    os.write(pipe, line.replace("\n", " | ").encode("utf-8", "backslashreplace")[:4000])
    os._exit(0)


def attempt(name, function, on, limit):
    """Runs a rule in a child of its own; the line it made."""
    missing = getattr(function, "needs", frozenset()) | ({"read-write"} if "read-only" not in getattr(function, "needs", ()) else frozenset())
    missing -= on.features
    if missing:
        return f"skip {name}: the target has no {', '.join(sorted(missing))}"
    directory = os.path.join(on.writable, name)
    os.mkdir(directory, 0o755)
    os.chmod(directory, 0o755)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.setsid()
        os.close(reading)
        call(function, on, name, writing)
    os.close(writing)
    line = wait(child, reading, limit).replace("NAME", name, 1)
    try:
        clear(directory)
    except OSError as error:
        if line.startswith("ok"):
            line = f"not ok {name}: its directory cannot be removed: {error}"
    return line


def wait(child, pipe, limit):
    """Waits for a rule's line and end; kills it and what it started when the time is up."""
    with os.fdopen(pipe, "rb") as lines:
        ready = select.select([lines], [], [], limit)[0]
        line = lines.read1(4096).decode() if ready else f"not ok NAME: not finished after {limit} s"
    try:
        os.killpg(child, signal.SIGKILL)
    except ProcessLookupError:
        pass
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if os.waitpid(child, os.WNOHANG)[0]:
            return line or "not ok NAME: it ended without a result"
        time.sleep(0.001)
    print("not ok NAME: it cannot be killed", flush=True)
    sys.exit("A process of a rule cannot be killed: the file system does not answer. The rest is not tried.")


def main():
    """The command line."""
    parser = argparse.ArgumentParser(prog="eng/posix", description=__doc__)
    parser.add_argument("target", nargs="?", help="a directory of the file system to try; a new directory in it is used")
    parser.add_argument("--rules", default="", help="only rules whose name holds one of these texts, separated by commas")
    parser.add_argument("--list", action="store_true", help="only print the rules' names and what they need")
    parser.add_argument("--backing", help="the directory that TARGET shows, reached without the file system to try")
    parser.add_argument("--with", dest="told", default="", help="features that cannot be found out, separated by commas: "
                        "large, huge (time and memory for such cases), slow (smaller cases: for an emulated machine); of a mount: direct (--cache=never, metadata), cached (--cache=always), writeback, "
                        "killpriv (--killpriv-v2), host-locks (--posix-lock and --flock)")
    parser.add_argument("--limit", type=float, default=30, help="seconds that a rule may take")
    arguments = parser.parse_args()
    wanted = [text for text in arguments.rules.split(",") if text]
    chosen = [(name, function) for name, function in collect(SUBJECTS) if not wanted or any(text in name for text in wanted)]
    if arguments.list:
        for name, function in chosen:
            print(name, *sorted(getattr(function, "needs", ())))
        return 0
    if arguments.target is None:
        parser.error("TARGET is missing")
    if not os.path.isdir(arguments.target):
        parser.error(f"TARGET '{arguments.target}' is not a directory")
    if not chosen:
        parser.error(f"no rule's name holds '{arguments.rules}'; --list shows them")
    if os.geteuid() != 0:
        parser.error("the rules need root: they act as several users")
    on = target.Target(arguments.target, arguments.backing, [text for text in arguments.told.split(",") if text])
    print(f"# {on.path}: {', '.join(sorted(on.features))}", flush=True)
    counts = {"ok": 0, "not": 0, "skip": 0}
    on.enter(f"posix-{os.getpid()}")
    for name, function in chosen:
        start = time.monotonic()
        line = attempt(name, function, on, arguments.limit)
        counts[line.split()[0]] += 1
        seconds = time.monotonic() - start
        print(f"{line} [{seconds:.1f} s]" if seconds >= 1 else line, flush=True)
    clear(on.writable)
    print(f"# {counts['ok']} ok, {counts['not']} not ok, {counts['skip']} skipped", flush=True)
    return 1 if counts["not"] else 0


if __name__ == "__main__":
    sys.exit(main())
