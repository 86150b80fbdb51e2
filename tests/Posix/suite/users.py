"""Who acts: processes of their own with other ids."""

import collections
import marshal
import os
import sys

User = collections.namedtuple("User", "uid gid groups", defaults=((),))

ROOT = User(0, 0)
ALICE = User(41001, 42001, (42010,))
BOB = User(41002, 42002, (42010,))
# Of the group of neither.
CAROL = User(41003, 42003)


def become(user):
    """Makes this process the user, for good."""
    os.setgroups(list(user.groups))
    os.setresgid(user.gid, user.gid, user.gid)
    os.setresuid(user.uid, user.uid, user.uid)


def run(prepare, action, *arguments):
    """
    Calls action(*arguments) in a child after prepare() and returns what it returns. An OSError comes back as one, anything
    else that goes wrong as an AssertionError with the child's trace.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _report(writing, prepare, action, arguments)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read()
    status = os.waitpid(child, 0)[1]
    if not answer:
        raise AssertionError(f"the child ended with status {status:#x} and said nothing")
    kind, value = marshal.loads(answer)
    if kind == "value":
        return value
    if kind == "errno":
        raise OSError(value, os.strerror(value))
    raise AssertionError(value)


def _trace():
    import traceback  # Only here: most processes are children of one, and what is loaded makes each fork slower.
    return traceback.format_exc()


def _report(pipe, prepare, action, arguments):
    try:
        prepare()
        value = action(*arguments)
        answer = marshal.dumps(("value", tuple(value) if isinstance(value, os.stat_result) else value))
    except OSError as error:
        answer = marshal.dumps(("errno", error.errno)) if error.errno else marshal.dumps(("trace", _trace()))
    except BaseException:  # Whatever it is belongs to the parent.
        answer = marshal.dumps(("trace", _trace()))
    try:
        while answer:
            answer = answer[os.write(pipe, answer):]
    finally:
        sys.stdout.flush()
        os._exit(0)
