"""What a rule is given, and what marks it."""

import errno
import os
import time

from suite import system, users


class Skip(Exception):
    """The target does not offer what the rule is about."""


def needs(*features):
    """Marks a rule that holds only where the target has all of these features (see Target)."""

    def mark(rule):
        rule.needs = frozenset(features)
        return rule

    return mark


class Rule:
    """A rule's own empty directory on the target, and how it says what it expects."""

    def __init__(self, target, name):
        self.target = target
        self.kind = target.kind
        self.directory = os.path.join(target.path, name)
        # Why the rule is different on FUSE, where it is.
        self.reasons = []

    def path(self, *names):
        """A path in the rule's directory."""
        return os.path.join(self.directory, *names)

    def backing(self, *names):
        """The same file as path(*names), past the file system under test."""
        return os.path.join(self.target.backing, os.path.basename(self.directory), *names)

    def file(self, name, content=b"", mode=0o644, user=users.ROOT):
        """Makes a file; its path."""
        path = self.path(name)
        fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            while content:
                content = content[os.write(fd, content):]
            os.fchown(fd, user.uid, user.gid)
            os.fchmod(fd, mode)
        finally:
            os.close(fd)
        return path

    def folder(self, name, mode=0o755, user=users.ROOT):
        """Makes a directory; its path."""
        path = self.path(name)
        os.mkdir(path)
        os.chown(path, user.uid, user.gid)
        os.chmod(path, mode)
        return path

    def program(self, name, mode=0o755, user=users.ROOT):
        """A program on the target: the interpreter itself."""
        with open("/proc/self/exe", "rb") as file:
            return self.file(name, file.read(), mode, user)

    @staticmethod
    def run(program, text):
        """Runs a text by a program that program() made; its output."""
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.dup2(writing, 1)
            try:
                os.execv(program, [program, "-ISc", text])
            finally:
                os._exit(126)
        os.close(writing)
        with os.fdopen(reading) as pipe:
            output = pipe.read().strip()
        if os.waitpid(child, 0)[1] != 0:
            raise AssertionError(f"{program} did not run; it wrote {output!r}")
        return output

    def read(self, path):
        """All of a file."""
        with open(path, "rb", buffering=0) as file:
            return file.read()

    def mode(self, path):
        """The twelve bits."""
        return os.lstat(path).st_mode & 0o7777

    def count(self, number):
        """How many of something a rule tries: a quarter on a slow machine."""
        return number // 4 if self.has("slow") else number

    def on_fuse(self, reason):
        """Whether the target is behind the kernel's FUSE client, which for this reason differs from other file systems."""
        if self.kind == "fuse":
            self.reasons.append(reason)
        return self.kind == "fuse"

    def has(self, feature):
        """Whether the target offers a feature."""
        return feature in self.target.features

    @staticmethod
    def equal(actual, expected, what):
        """Expects two values to be the same."""
        if actual != expected:
            raise AssertionError(f"{what}: {_show(actual)}, expected {_show(expected)}")

    @staticmethod
    def true(condition, what):
        """Expects something to be so."""
        if not condition:
            raise AssertionError(what)

    @staticmethod
    def fails(numbers, action, *arguments, **named):
        """Expects an errno, or one of several."""
        allowed = numbers if isinstance(numbers, tuple) else (numbers,)
        expected = " or ".join(errno.errorcode[number] for number in allowed)
        called = f"{getattr(action, '__name__', action)}{_show(arguments)}"
        try:
            value = action(*arguments, **named)
        except OSError as error:
            if error.errno not in allowed:
                raise AssertionError(f"{called} failed with {errno.errorcode.get(error.errno, error)}, expected {expected}") from error
            return
        raise AssertionError(f"{called} returned {_show(value)}, expected {expected}")

    @staticmethod
    def as_user(user, action, *arguments):
        """Calls a function in a process of that user and returns what it returns."""
        return users.run(lambda: users.become(user), action, *arguments)

    @staticmethod
    def in_child(action, *arguments):
        """Calls a function in a child and returns what it returns."""
        return users.run(lambda: None, action, *arguments)

    @staticmethod
    def without_capabilities(capabilities, action, *arguments):
        """Calls a function as root less some capabilities (all if none is named)."""
        return users.run(lambda: system.drop_capabilities(*capabilities), action, *arguments)

    def wait_for_new_time(self):
        """
        Returns when a change made now gets a later time than one made before: file systems take the time of the last tick, or
        since Linux 6.13 a finer one for a file whose time was asked for since its last change.
        """
        before = time.time_ns()
        while time.clock_gettime_ns(5) <= before:  # CLOCK_REALTIME_COARSE
            time.sleep(0.001)


def _show(value):
    text = repr(value)
    return text if len(text) <= 200 else text[:200] + "…"
