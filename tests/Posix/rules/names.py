"""Names and paths: path_resolution(7), limits of pathconf(3)."""

import errno
import os


def a_name_has_255_bytes_at_most(t):
    """NAME_MAX; ENAMETOOLONG for each call that takes a name."""
    longest, longer = "n" * 255, "n" * 256
    t.file(longest, b"abc")
    t.equal((os.listdir(t.directory), t.read(t.path(longest))), ([longest], b"abc"), "name and content")
    path = t.file("file")
    for action, *arguments in ((os.stat,), (os.mkdir,), (os.mkfifo,), (os.unlink,), (os.rmdir,), (os.readlink,), (os.open, os.O_CREAT | os.O_WRONLY)):
        t.fails(errno.ENAMETOOLONG, action, t.path(longer), *arguments)
    for action in (os.rename, os.link, os.symlink):
        t.fails(errno.ENAMETOOLONG, action, path, t.path(longer))


def a_name_of_255_bytes_may_be_any_characters(t):
    """Bytes are counted, not characters."""
    name = "\u65e5" * 85
    t.file(name, b"abc")
    t.equal((os.listdir(t.directory), t.read(t.path(name))), ([name], b"abc"), "name and content")
    t.fails(errno.ENAMETOOLONG, os.stat, t.path(name + "x"))


def a_name_may_hold_each_byte_but_two(t):
    """All but the slash and NUL; names that are no UTF-8 too."""
    names = [b"b%cb" % byte for byte in range(1, 256) if byte != ord("/")] + [b"\xff\xfe", b" ", b"-", b"...", b"\n", b"a\\b", b"\xc0\xaf"]
    folder = os.fsencode(t.directory)
    for name in names:
        with open(folder + b"/" + name, "wb") as file:
            file.write(name)
    t.equal(sorted(os.listdir(folder)), sorted(names), "the names")
    for name in names:
        with open(folder + b"/" + name, "rb") as file:
            t.equal(file.read(), name, "the content")


def names_that_differ_in_case_or_form_are_different(t):
    """Nothing is folded or normalised."""
    names = ["Name", "name", "NAME", "caf\u00e9", "cafe\u0301"]
    for name in names:
        t.file(name, name.encode())
    t.equal(sorted(os.listdir(t.directory)), sorted(names), "the names")
    t.equal([t.read(t.path(name)) for name in names], [name.encode() for name in names], "the contents")


def a_path_has_4095_bytes_at_most(t):
    """PATH_MAX, ENAMETOOLONG; what lies deeper is reached by steps."""
    name = "d" * 200

    def descend():
        os.chdir(t.directory)
        for _ in range(30):
            os.mkdir(name)
            os.chdir(name)
        with open("file", "w", encoding="ascii") as file:
            file.write("deep")
        os.chdir(t.directory)
        path = "/".join([name] * 20) + "/" + "x/" * 37
        t.equal(len(path), 4094, "the length of a path")
        t.fails(errno.ENOENT, os.stat, path)
        t.fails(errno.ENAMETOOLONG, os.stat, path + "xx")
        for _ in range(3):
            os.chdir("/".join([name] * 10))
        return os.stat("file").st_size

    t.equal(t.in_child(descend), 4, "the size of the deepest file")


def dots_and_slashes_change_nothing(t):
    """path_resolution(7)."""
    t.folder("a")
    t.folder("a/b")
    t.file("a/b/c", b"abc")
    for path in ("a//b///c", "./a/./b/./c", "a/b/../b/c", "a/../a/b/c"):
        t.equal(t.read(t.path(path)), b"abc", f"the content at {path}")
    t.fails(errno.ENOENT, os.stat, t.path("none", "..", "a"))
    t.fails(errno.ENOENT, os.stat, "")


def a_name_that_is_gone_is_gone_at_once(t):
    """And a name that was not there is there at once: nothing remembers what was."""
    path = t.path("file")
    for _ in range(20):
        t.fails(errno.ENOENT, os.stat, path)
        t.file("file", b"abc")
        t.equal(os.stat(path).st_size, 3, "the size")
        os.unlink(path)
        t.fails(errno.ENOENT, os.open, path, os.O_RDONLY)
        os.mkdir(path)
        t.true(os.path.isdir(path), "it is a directory now")
        os.rmdir(path)


def a_link_may_be_part_of_a_path(t):
    """path_resolution(7): relative to its directory, or from the root."""
    t.folder("a")
    t.file("a/file", b"abc")
    os.symlink("a", t.path("relative"))
    os.symlink(t.path("a"), t.path("absolute"))
    os.symlink("../a/file", t.path("a", "up"))
    for path in ("relative/file", "absolute/file", "relative/up", "relative/../a/file"):
        t.equal(t.read(t.path(path)), b"abc", f"the content at {path}")
