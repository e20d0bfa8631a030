"""A real PgBouncer before a server: where it is installed, tests use it, and they install nothing."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

import psycopg
import pytest

from tests.programs.servers.postgres_server import HOST, USER, PostgresServer, _account, _folder, _free_port, wait_until

_GRACE: Final = 5.0
_SETTINGS: Final = """
[databases]
* = host={host} port={target} user={user}
[pgbouncer]
listen_addr = {host}
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {size}
max_client_conn = 100
logfile = {folder}/log
"""


class NoPgbouncer(RuntimeError):
    """There is no PgBouncer that could be started."""


class Pgbouncer:
    """A PgBouncer in transaction mode on a free port, with so many connections to the server; running once made.

    Nothing is said of prepared statements: what is prepared stays, and newer versions see to it.
    """

    def __init__(self, server: PostgresServer, size: int, *, user: str = USER) -> None:
        program = shutil.which("pgbouncer", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"]))
        if program is None:
            raise NoPgbouncer("there is no PgBouncer: apt-get install pgbouncer")
        self.port: Final = _free_port()
        self._server = server
        self._folder: Final = _folder()
        settings = self._folder / "pgbouncer.ini"
        settings.write_text(
            _SETTINGS.format(host=HOST, target=server.port, user=user, port=self.port, size=size, folder=self._folder)
        )
        self._process = self._started(program, settings)
        try:
            wait_until(self._answers)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End it, and remove its folder."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(_GRACE)
        shutil.rmtree(self._folder)

    def _started(self, program: str, settings: Path) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [program, "-q", str(settings)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self._folder,
            start_new_session=True,
            **_account(),
        )

    def _answers(self) -> bool:
        if self._process.poll() is not None:
            log = self._folder / "log"
            raise RuntimeError(f"it ended: {log.read_text(errors='replace')[-2000:] if log.exists() else 'no log'}")
        with suppress(psycopg.OperationalError):
            self._server.connect(port=self.port).close()
            return True
        return False


def pgbouncer_or_skip(server: PostgresServer, size: int, *, user: str = USER) -> Pgbouncer:
    """Return one before a server, with so many connections to it. Without one a test is skipped, and fails in CI."""
    try:
        return Pgbouncer(server, size, user=user)
    except NoPgbouncer as reason:
        absent = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        absent(str(reason))
