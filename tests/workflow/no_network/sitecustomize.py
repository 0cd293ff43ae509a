"""Every Python of a test's workflow starts with this: no connection can be made, and each attempt is noted."""

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


socket.socket = _Socket
socket.create_connection = _refuse("create_connection")
socket.getaddrinfo = _refuse("getaddrinfo")
