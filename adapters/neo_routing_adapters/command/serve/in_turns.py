"""How much of one connection is read before others have their turn."""

from __future__ import annotations

import asyncio
from typing import Final

from uvicorn.protocols.http.auto import AutoHTTPProtocol

_AT_ONCE: Final = 8_192
"""Bytes. Asyncio takes 32 times as many: in chunks of a byte, uvicorn is busy with those for a second."""


class InTurns(AutoHTTPProtocol, asyncio.BufferedProtocol):  # type: ignore[valid-type, misc]  # which one is seen at run time
    """Uvicorn's HTTP, with a small buffer to read into."""

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002  # the name is of asyncio
        """Return where the next bytes go."""
        self._read_into = bytearray(_AT_ONCE)
        return self._read_into

    def buffer_updated(self, nbytes: int) -> None:
        """Take what has come."""
        self.data_received(bytes(memoryview(self._read_into)[:nbytes]))
