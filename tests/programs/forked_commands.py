"""The command in processes that have it imported already: to import it takes longer than most of what tests ask of it.

    python -m tests.programs.forked_commands        serves the socket that is its standard input

Each request is a working directory and arguments, with the files for standard output and error; it is carried out in a
process of its own, forked from one in which nothing but imports has happened.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

_LONGEST = 65536
_SECONDS = 60


class ForkedCommands:
    """Runs the command, one call after the other."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._server = subprocess.Popen(
                [sys.executable, "-m", "tests.programs.forked_commands"],
                cwd=Path(__file__).parents[2],
                stdin=theirs,
                stdout=subprocess.DEVNULL,
                env=environment,
            )

    def run(self, arguments: tuple[str, ...], cwd: object = None) -> subprocess.CompletedProcess[bytes]:
        request = json.dumps([str(cwd or Path.cwd()), arguments]).encode()
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            socket.send_fds(self._ours, [request], [out.fileno(), err.fileno()])
            status = json.loads(self._ours.recv(_LONGEST))
            out.seek(0)
            err.seek(0)
            return subprocess.CompletedProcess(arguments, status, out.read(), err.read())

    def end(self) -> None:
        self._ours.close()
        self._server.wait(_SECONDS)


def serve(requests: socket.socket) -> None:
    """Carry out requests until nobody is there who could send one."""
    for package in ("neo_routing_adapters.command", "neo_routing_adapters.sql", "neo_routing_adapters.memory"):
        for found in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            if not found.name.endswith("__main__") and ".versions" not in found.name:
                importlib.import_module(found.name)
    while True:
        request, files, _, _ = socket.recv_fds(requests, _LONGEST, 2)
        if not request:
            return
        child = os.fork()
        if child == 0:
            requests.close()
            _carry_out(*json.loads(request), files)
        for each in files:
            os.close(each)
        _, status = os.waitpid(child, 0)
        requests.send(json.dumps(os.waitstatus_to_exitcode(status)).encode())


def _carry_out(folder: str, arguments: list[str], files: list[int]) -> None:
    status = 1
    try:
        signal.alarm(_SECONDS)
        os.chdir(folder)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for number, file in enumerate(files, start=1):
            os.dup2(file, number)
        main = importlib.import_module("neo_routing_adapters.command").main
        status = main(arguments)
        sys.stdout.flush()
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 1
        sys.stdout.flush()
    except BaseException:  # noqa: BLE001  # as Python itself ends then
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    serve(socket.socket(fileno=os.dup(0)))
