"""Cuts a Python process off the network: on PYTHONPATH, it is imported at start."""

import socket

_connect = socket.socket.connect


def _refuse(self, address):
    if isinstance(address, tuple) and not address[0].startswith(("127.", "localhost")):
        raise OSError(f"the network is unreachable (asked for {address[0]})")
    return _connect(self, address)


def _no_names(host, *rest, **more):
    raise socket.gaierror(f"there are no name servers (asked for {host})")


socket.socket.connect = _refuse
socket.getaddrinfo = _no_names
