"""A server with two workers, of which one does not start: the second (1), or whichever comes third (2), or none (9).

    python -m tests.programs.http.failing_workers FOLDER 1|2|9 SECONDS

Each worker leaves a file in the folder, named by its turn, with its process id, and does not end while there is one
that is named `stay`, for so many seconds at most. The server writes its port, once.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from attrs import frozen
from starlette.routing import Router
from starlette.types import ASGIApp

from neo_routing_adapters.command.failure import CommandFailed
from neo_routing_adapters.command.serve.server import listening, serve_on
from neo_routing_adapters.command.serve.settings import Settings


@frozen
class Worker:
    """In the place of a real one."""

    folder: Path
    fails: int
    settings: Settings

    def __call__(self) -> ASGIApp:
        if self._turn() == self.fails:
            raise (RuntimeError if self.fails == 1 else TypeError)("this worker does not start")  # the latter is told
        return Router([], lifespan=self._until_it_may_end)

    @asynccontextmanager
    async def _until_it_may_end(self, _application: object) -> AsyncIterator[None]:
        yield
        while (self.folder / "stay").exists():  # noqa: ASYNC110  # whoever removes it is another process
            await asyncio.sleep(0.02)

    def _turn(self) -> int:
        """Take the first turn that is nobody's."""
        for turn in count():
            written = self.folder / f"{os.getpid()}.tmp"
            written.write_text(str(os.getpid()))
            try:
                os.link(written, self.folder / str(turn))
            except FileExistsError:
                continue
            return turn
        raise AssertionError


def main(folder: str, fails: str, seconds: str) -> None:
    worker: Any = Worker(Path(folder), int(fails), Settings(workers=2, shutdown_deadline=int(seconds)))
    with closing(listening("127.0.0.1", 0)) as made:
        try:
            serve_on(made, worker, partial(print, made.getsockname()[1], flush=True))
        except CommandFailed as failed:
            print(failed, file=sys.stderr)
            sys.exit(failed.status)


if __name__ == "__main__":
    main(*sys.argv[1:])
