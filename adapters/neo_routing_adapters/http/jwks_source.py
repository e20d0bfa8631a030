"""Where a set of keys is read from: an address, or a file that somebody keeps up to date."""

from __future__ import annotations

import asyncio
import socket
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

from neo_routing_adapters.http.jwks import LARGEST_SET

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_OK: Final = 200


class JwksUnavailable(Exception):
    """The set of keys cannot be had."""


class JwksSource(Protocol):
    """Where a set of keys is read from."""

    async def read(self) -> bytes:
        """Return the document as it is now. Raises `JwksUnavailable`."""
        ...


class JwksFile:
    """A file. It is read again as an address is, so a new one may be put in its place at any time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def read(self) -> bytes:
        """Return what stands in the file, as far as it may be read."""
        try:
            return await asyncio.to_thread(self._start)
        except OSError as error:
            raise JwksUnavailable("the file with the keys cannot be read") from error

    def _start(self) -> bytes:
        with self._path.open("rb") as file:
            return file.read(LARGEST_SET + 1)


class JwksUrl:
    """An address: https, or http on this machine. No redirect is followed, and no proxy is used.

    Raises `ValueError` for any other.
    """

    def __init__(self, url: str, *, seconds: float = 5.0) -> None:
        parts = urlsplit(url)
        if not parts.hostname or not (parts.scheme == "https" or _is_local(parts.scheme, parts.hostname)):
            raise ValueError("the keys are read from an address with https://, or with http:// on this machine")
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname, parts.port
        self._path = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
        self._seconds = seconds

    async def read(self) -> bytes:
        """Return what stands at the address, unless that takes too long."""
        kind = HTTPSConnection if self._secure else HTTPConnection
        call = _Call(kind(self._host, self._port, timeout=self._seconds), self._path)
        try:
            async with asyncio.timeout(self._seconds):
                return await asyncio.to_thread(call.answer)
        except (OSError, HTTPException) as error:
            raise JwksUnavailable("the keys cannot be fetched") from error
        finally:
            call.hang_up()


def _is_local(scheme: str, host: str) -> bool:
    return scheme == "http" and host in _LOOPBACK


class _Call:
    """One call, made in a thread that ends when somebody hangs up: a server may send a byte now and then, for ever."""

    def __init__(self, connection: HTTPConnection, path: str) -> None:
        self._connection = connection
        self._path = path
        self._socket: socket.socket | None = None

    def answer(self) -> bytes:
        with closing(self._connection):
            self._connection.connect()
            self._socket = self._connection.sock
            self._connection.request("GET", self._path, headers={"Accept": "application/json"})
            with self._connection.getresponse() as response:
                if response.status != _OK:
                    raise HTTPException(f"status {response.status}")
                return response.read(LARGEST_SET + 1)

    def hang_up(self) -> None:
        if self._socket is not None:
            with suppress(OSError):  # it has been closed already
                self._socket.shutdown(socket.SHUT_RDWR)
