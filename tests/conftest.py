"""What holds for every test: the servers, and no network beyond this machine."""

import ipaddress
import socket

import pytest

pytest_plugins = ["tests.support.stack"]

_connect = socket.socket.connect


class BeyondLoopbackError(Exception):
    """A test tried to reach another machine."""


@pytest.fixture(autouse=True)
def _only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(self: socket.socket, address: tuple[str, int]) -> None:
        if self.family in {socket.AF_INET, socket.AF_INET6} and not _is_here(address[0]):
            raise BeyondLoopbackError(address)
        _connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
