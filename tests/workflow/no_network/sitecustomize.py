"""Every Python of a test's workflow starts with this.

No connection can be made, and each attempt is noted in the file `POLYTUNE_TEST_NETWORK_LOG`. Beside it, `loaded.jsonl`
notes what each command of Polytune had loaded when it ended.
"""

import atexit
import json
import os
import socket
import sys


def _refuse(call):
    def refused(*arguments, **options):
        with open(os.environ["POLYTUNE_TEST_NETWORK_LOG"], "a") as stream:
            print(call, arguments[-1:], sys.argv, file=stream)
        raise OSError("the network is blocked by the test")

    return refused


class _Socket(socket.socket):
    """A socket that reaches nothing but other processes of this computer by name."""

    def connect(self, address):
        return super().connect(address) if self.family == socket.AF_UNIX else _refuse("connect")(address)

    def connect_ex(self, address):
        return super().connect_ex(address) if self.family == socket.AF_UNIX else _refuse("connect_ex")(address)


def _note_loaded(process):
    program, *arguments = sys.argv
    if os.getpid() != process or not arguments or os.path.basename(program) not in ("polytune", "cli.py"):
        return
    modules = sorted({name.partition(".")[0] for name in sys.modules})
    folder = os.path.dirname(os.environ["POLYTUNE_TEST_NETWORK_LOG"])
    with open(os.path.join(folder, "loaded.jsonl"), "a") as stream:
        print(json.dumps([arguments[0], *modules]), file=stream)


socket.socket = _Socket
socket.create_connection = _refuse("create_connection")
socket.getaddrinfo = _refuse("getaddrinfo")
atexit.register(_note_loaded, os.getpid())
