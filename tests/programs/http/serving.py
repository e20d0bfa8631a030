"""`neo-routing serve` as a process of its own, which is waited for until it says that it answers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import Any, Final

import httpx2

from tests.programs.http.calls import GOOD, PATIENCE, SESSIONS

SERVE: Final = (sys.executable, "-m", "neo_routing_adapters.command", "serve")
_UNHURRIED: Final = {
    f"NEO_ROUTING_{name}_DEADLINE": str(int(PATIENCE)) for name in ("DIRECTORY", "SESSIONS", "READY", "SHUTDOWN")
}
"""Machines are shared: how long an answer takes says nothing."""


class Serving:
    """A server that answers, and what it has written until then."""

    def __init__(self, process: subprocess.Popen[bytes], said: str, log_file: Path) -> None:
        self.process, self.said, self._log_file = process, said, log_file

    @property
    def ready(self) -> dict[str, Any]:
        """What it says with --json."""
        return json.loads(self.said)

    @property
    def url(self) -> str:
        return self.ready["url"]

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def log(self) -> str:
        return self._log_file.read_text()

    def logged(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.splitlines()]

    def post(self, key: str, body: Any = GOOD, **headers: str) -> httpx2.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        all_headers = {"authorization": f"Bearer {key}", "content-type": "application/json", **more}
        return httpx2.post(f"{self.url}{SESSIONS}", content=content, headers=all_headers, timeout=PATIENCE)

    def get(self, path: str) -> httpx2.Response:
        return httpx2.get(f"{self.url}{path}", timeout=PATIENCE)

    def counted(self, series: str) -> float:
        """Return a number of `/metrics`, by its name with labels."""
        lines = [line for line in self.get("/metrics").text.splitlines() if line.startswith(f"{series} ")]
        [line] = lines
        return float(line.rpartition(" ")[2])

    def end(self) -> int:
        """Ask it to end, and return its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def said_later(self) -> str:
        """Return what it has written since, once it has ended."""
        assert self.process.stdout is not None
        return self.process.stdout.read().decode()


@contextmanager
def serving(folder: Path, *arguments: str, first_lines: int = 1, **environment: str) -> Iterator[Serving]:
    """Start it in a folder, on a free port, and end it whatever happens."""
    log_file = folder / f"log-{len([*folder.iterdir()])}"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("NEO_ROUTING_")}
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            [*SERVE, "--port", "0", *arguments],
            cwd=folder,
            env=inherited | _UNHURRIED | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
        )
    limit = Timer(PATIENCE, process.kill)
    limit.start()
    try:
        assert process.stdout is not None
        said = b"".join(process.stdout.readline() for _ in range(first_lines)).decode()
        limit.cancel()
        assert said, log_file.read_text()
        yield Serving(process, said, log_file)
    finally:
        limit.cancel()
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        finally:
            process.stdout.close()
