"""From a worker to a running server: its socket, one process or several, and how they end."""

from __future__ import annotations

import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from uvicorn import Config, Server
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from neo_routing_adapters.command.failure import CommandFailed, cannot
from neo_routing_adapters.command.serve.in_turns import InTurns
from neo_routing_adapters.command.serve.settings import Settings
from neo_routing_adapters.command.serve.worker import Worker

Announce = Callable[[], None]
"""Is called once, when calls are answered."""

_BACKLOG: Final = 2048
_START: Final = 60.0
"""Seconds in which a process must be ready."""
_FROZEN: Final = 30
"""Seconds after which a process that gives no sign is replaced: on a busy machine, the five of uvicorn pass by."""
_MORE: Final = 5.0
"""Seconds that a process may take for all else when it ends."""
_ENDING: Final = (signal.SIGINT, signal.SIGTERM)


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens. Raises `CommandFailed`."""
    try:
        [(family, kind, _, _, address), *_] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        # With its protocol named, or asyncio leaves out TCP_NODELAY, and an answer waits for an acknowledgement.
        made = socket.socket(family, kind, socket.IPPROTO_TCP)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(_BACKLOG)
    except OSError as error:
        raise cannot(f"listen on {host}, port {port}", error) from error
    return made


def url_of(made: socket.socket) -> str:
    """Return where a socket listens."""
    host, port = made.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextmanager
def ending_at_a_signal() -> Iterator[None]:
    """Let an interrupt or SIGTERM end the process as something that went well, whatever it is at."""
    before = {number: signal.signal(number, _end) for number in _ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(_number: int, _frame: object) -> None:
    sys.exit(0)


def serve_on(made: socket.socket, worker: Worker, announce: Announce) -> None:
    """Answer calls until a signal ends that: then those that are being answered are, within a time."""
    config = _config(worker)
    if worker.settings.workers == 1:
        _Alone(config, announce).run([made])
        return
    several = _Several(config, [made], announce, worker.settings.shutdown_deadline + _MORE)
    several.run()
    if several.failed:
        raise CommandFailed("a worker did not start; the log says why")


def _config(worker: Worker) -> Config:
    settings: Settings = worker.settings
    return Config(
        worker,
        factory=True,
        workers=settings.workers,
        http=InTurns,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=[*settings.trusted_proxies],
        backlog=_BACKLOG,
        timeout_graceful_shutdown=settings.shutdown_deadline,
        timeout_worker_healthcheck=_FROZEN,
    )


class _Alone(Server):
    def __init__(self, config: Config, announce: Announce) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._announce()


class _Several(Multiprocess):
    def __init__(self, config: Config, sockets: list[socket.socket], announce: Announce, lingering: float) -> None:
        super().__init__(config, sockets)
        self._announce = announce
        self._lingering = lingering
        self._failed_at_first = False

    @property
    def failed(self) -> bool:
        """Whether it has ended because a worker did not start, be it one in the place of another."""
        return self._failed_at_first or any(process.exitcode == STARTUP_FAILURE for process in self.processes)

    def init_processes(self) -> None:
        super().init_processes()
        if all(process.wait_until_ready(_START, self.should_exit) for process in self.processes):
            self._announce()
            return
        self._failed_at_first = not {*_ENDING} & {*self.signal_queue}  # Ctrl-C ends the workers, too
        self.should_exit.set()

    def terminate_all(self) -> None:
        """Let the workers end; whoever calls then would wait at a socket that nobody takes connections from."""
        for made in self.sockets:
            made.close()
        super().terminate_all()

    def join_all(self) -> None:
        """Wait for the workers' end; one that hangs, or was stopped, would never come to it, and is killed."""
        last = time.monotonic() + self._lingering
        for process in self.processes:
            process.process.join(max(0.0, last - time.monotonic()))
            if process.exitcode is None:
                process.kill()
        super().join_all()
