"""A TCP proxy that is slow, breaks connections, turns them away or goes silent, as it is told."""

from __future__ import annotations

import selectors
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from time import perf_counter
from typing import Any, Final, Self

HOST: Final = "127.0.0.1"

_CHUNK: Final = 65_536
_PATIENCE: Final = 10.0
# Systems wake a sleeper some 50 to 100 microseconds late.
_AWAKE: Final = 200e-6
# A receiver that takes nothing more is asked again after this time.
_FULL: Final = 1e-3
_RESET: Final = struct.pack("ii", 1, 0)


class Proxy:
    """A proxy on 127.0.0.1 to a port there.

    `delay` is in seconds for a round trip, and may be set at any time. Each half of it is counted from when the proxy
    has read the bytes: it sleeps until shortly before the end, then looks at the clock (and its sockets) without a
    pause. So a round trip is exact to some 10 microseconds on a machine with a processor to spare for the proxy. What
    the proxy takes by itself, some tens of microseconds, comes on top: compare with a delay of 0. It runs in a thread:
    a process that is busy while it waits, as with many calls at once, slows it down, and is slowed down by it.
    """

    def __init__(self, target_port: int, *, delay: float = 0.0) -> None:
        self.delay = delay
        self.target_port: Final = target_port
        self._refusing = False
        self._held = False
        self._open = True
        self._connections: set[_Connection] = set()
        self._commands: deque[tuple[Callable[[], Any], Future[Any]]] = deque()
        self._selector = selectors.SelectSelector()  # the only one that takes a timeout in less than milliseconds
        self._listener = socket.create_server((HOST, 0), backlog=512)
        self._listener.setblocking(False)
        self.port: Final[int] = self._listener.getsockname()[1]
        self._bell, self._ringer = socket.socketpair()
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        self._selector.register(self._bell, selectors.EVENT_READ, self._obey)
        self._thread = threading.Thread(target=self._run, name=f"proxy to {target_port}", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def connections(self) -> int:
        """The number of open connections."""
        return len(self._connections)

    def refuse(self, refusing: bool) -> None:
        """Close new connections as soon as they are made, or serve them again."""
        self._do(lambda: setattr(self, "_refusing", refusing))

    def hold(self, held: bool) -> None:
        """Keep back everything that is sent, the end of a connection too, or let it all go on."""
        self._do(lambda: setattr(self, "_held", held))

    def drop_all(self) -> int:
        """Reset all connections at once, and return how many there were."""
        return self._do(lambda: sum(map(self._reset, list(self._connections))))

    def drop_after(self, count: int) -> int:
        """Let the server send so many more bytes on each connection now open, then reset it; return how many are open.

        With 0, a connection is reset when the server begins to answer.
        """
        return self._do(lambda: sum(connection.cut_after(count) for connection in self._connections))

    def close(self) -> None:
        """Reset all connections, and end."""
        if not self._thread.is_alive():
            return
        self.drop_all()
        self._do(lambda: setattr(self, "_open", False))
        self._thread.join(_PATIENCE)
        for each in (self._selector, self._listener, self._bell, self._ringer):
            each.close()

    def _do(self, command: Callable[[], Any]) -> Any:
        """Have the thread carry out a command between two looks at its sockets, and return what it returned."""
        done: Future[Any] = Future()
        self._commands.append((command, done))
        self._ringer.send(b"!")
        return done.result(_PATIENCE)

    def _run(self) -> None:
        while self._open:
            for key, _ in self._selector.select(self._time_to_sleep()):
                key.data()
            if not self._held:
                self._deliver()

    def _time_to_sleep(self) -> float | None:
        due = [way.due for connection in self._connections for way in connection.ways if way.under_way]
        return max(0.0, min(due) - perf_counter() - _AWAKE) if due and not self._held else None

    def _obey(self) -> None:
        self._bell.recv(_CHUNK)
        while self._commands:
            command, done = self._commands.popleft()
            done.set_result(command())

    def _accept(self) -> None:
        try:
            client, _ = self._listener.accept()
        except OSError:  # who knocked is gone
            return
        try:
            self._serve(client)
        except OSError:
            client.close()

    def _serve(self, client: socket.socket) -> None:
        if self._refusing:
            raise ConnectionRefusedError
        server = socket.create_connection((HOST, self.target_port), timeout=1.0)
        connection = _Connection(client, server)
        self._connections.add(connection)
        for way in connection.ways:
            self._selector.register(way.source, selectors.EVENT_READ, partial(self._read, way))

    def _read(self, way: _Way) -> None:
        if way.source.fileno() < 0:  # reset since it had something to read
            return
        data = way.read()
        way.under_way.append((perf_counter() + self.delay / 2, data))
        if not data:
            self._selector.unregister(way.source)

    def _deliver(self) -> None:
        for connection in list(self._connections):
            try:
                ended = [way.deliver() for way in connection.ways]
            except ConnectionError:
                self._reset(connection)
            else:
                if any(ended):
                    self._forget(connection)

    def _reset(self, connection: _Connection) -> bool:
        for way in connection.ways:
            with suppress(OSError):  # the other side was faster
                way.source.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._forget(connection)
        return True

    def _forget(self, connection: _Connection) -> None:
        self._connections.remove(connection)
        for way in connection.ways:
            with suppress(KeyError):
                self._selector.unregister(way.source)
            way.source.close()


class _Connection:
    """A client's connection and the one to the server, as two ways between them."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        for end in (client, server):
            end.setblocking(False)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.answers = _Way(server, client)
        self.ways = (_Way(client, server), self.answers)

    def cut_after(self, count: int) -> bool:
        self.answers.left = count
        return True


class _Way:
    """What is under way from one socket to another, each part with the time at which it is due; nothing is the end."""

    def __init__(self, source: socket.socket, target: socket.socket) -> None:
        self.source = source
        self.target = target
        self.under_way: deque[tuple[float, bytes]] = deque()
        self.left: int | None = None
        """How many bytes may still pass, if not all."""

    @property
    def due(self) -> float:
        return self.under_way[0][0]

    def read(self) -> bytes:
        try:
            return self.source.recv(_CHUNK)
        except ConnectionError:
            return b""

    def deliver(self) -> bool:
        """Send what is due, and return whether that was the end; raise `ConnectionError` where it breaks or is cut."""
        while self.under_way and self.due <= perf_counter():
            _, data = self.under_way.popleft()
            if not data:
                return True
            self._send(data)
        return False

    def _send(self, data: bytes) -> None:
        try:
            sent = self.target.send(data[: self.left]) if self.left != 0 else 0
        except BlockingIOError:
            sent = 0
        if self.left is not None:
            self.left -= sent
            if not self.left:
                raise ConnectionAbortedError("cut, as it was told")
        if sent < len(data):
            self.under_way.appendleft((perf_counter() + _FULL, data[sent:]))
