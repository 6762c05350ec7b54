"""A TCP proxy that cuts a connection after the server has answered, before the answer arrives."""

import socket
import threading
from contextlib import suppress
from urllib.parse import urlsplit, urlunsplit


class CuttingProxy:
    """Forwards; `cut_next()` swallows the next answer that holds rows of the append, and cuts."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._server = (parts.hostname or "127.0.0.1", parts.port or 5432)
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        who = parts.netloc.rpartition("@")[0]
        self.url = urlunsplit(parts._replace(netloc=f"{who}@127.0.0.1:{port}"))
        self._armed = threading.Event()
        self._severed = threading.Event()
        self.cuts = 0
        self._threads: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []
        self._start(self._accept)

    def cut_next(self) -> None:
        self._armed.set()

    def sever(self) -> None:
        """Cut every connection and let no new one through."""
        self._severed.set()
        for one in self._sockets:
            _shut(one)

    def heal(self) -> None:
        self._severed.clear()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self._sockets:
            _shut(one)
        for thread in self._threads:
            thread.join(5)

    def _start(self, run: object, *args: object) -> None:
        thread = threading.Thread(target=run, args=args, daemon=True)  # pyright: ignore[reportArgumentType]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self._severed.is_set():
                    client.close()
                    continue
                server = socket.create_connection(self._server)
                self._sockets += [client, server]
                self._start(self._ask, client, server)
                self._start(self._answer, server, client)

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(65536):
                server.sendall(data)
        _shut(client)
        _shut(server)

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(65536):
                if self._armed.is_set() and b"stored" in data:
                    self._armed.clear()
                    self.cuts += 1
                    break
                client.sendall(data)
        _shut(server)
        _shut(client)


def _shut(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
