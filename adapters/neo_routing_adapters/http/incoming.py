"""The body of a request as it comes in: whoever answers, and with what, an end is put to what is sent.

A server reads on for as long as a connection is open, and throws away what nobody asks for. So what is missing of a
body when its answer is there is received here, or the connection ends with the answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from attrs import define, frozen
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from neo_routing_adapters.http.answers import Headers
from neo_routing_adapters.http.headers import headers_of

LONGEST_BODY: Final = 65_536
"""In bytes: the longest that is read."""
MOST_PASSED_OVER: Final = 1 << 20
"""How many bytes of a body that is too long are received all the same, so that its sender gets to read the answer."""
_CLOSE: Final = (b"connection", b"close")


@define(eq=False)
class Incoming:
    """What has been received of a body so far."""

    receive: Receive
    headers: Mapping[str, str]
    http_version: str
    length: int = 0
    begun: bool = False
    ended: bool = False
    caller_gone: bool = False

    async def received(self, most: int, *, seconds: float) -> bytes:
        """Receive a body until it ends or is longer than that, and return it, or the beginning of one too long to read.

        Raises `TimeoutError` after so many seconds.
        """
        self.begun, beginning = True, bytearray()
        async with asyncio.timeout(seconds):
            while not self.ended and self.length <= most:
                message = await self.receive()
                if message["type"] == "http.disconnect":
                    self.caller_gone = True
                    break
                part = message.get("body", b"")
                self.length += len(part)
                if self.length <= LONGEST_BODY:
                    beginning += part
                self.ended = not message.get("more_body", False)
        return bytes(beginning)

    @property
    def is_announced_too_long(self) -> bool:
        """Whether it is to be so long that nobody waits for its end."""
        length = self.headers.get("content-length", "")
        return length.isdecimal() and (len(length) > len(str(MOST_PASSED_OVER)) or int(length) > MOST_PASSED_OVER)

    async def ends(self, *, seconds: float) -> bool:
        """Tell whether it has ended, so that the connection may go on. What nobody has received yet comes in first.

        Where its length is not announced, that is no more than could have been read: a mebibyte in chunks of a byte
        takes a server half a minute.
        """
        if self.begun:
            return self.ended
        if self._is_none:
            return True
        if self._waits_to_be_asked or self.is_announced_too_long:
            return False
        most = MOST_PASSED_OVER if "content-length" in self.headers else LONGEST_BODY
        try:
            await self.received(most, seconds=seconds)
        except TimeoutError:
            return False
        return self.ended

    @property
    def closing(self) -> Headers:
        """The header that ends the connection, in the versions that have it."""
        return (_CLOSE,) if self.http_version.startswith("1") else ()

    @property
    def _is_none(self) -> bool:
        """Whether there is none, which before version 2 is seen by the headers."""
        announced = self.headers.get("content-length", "0") != "0" or "transfer-encoding" in self.headers
        return not announced and self.http_version.startswith("1")

    @property
    def _waits_to_be_asked(self) -> bool:
        return self.headers.get("expect", "").lower() == "100-continue"


def incoming(scope: Mapping[str, Any], receive: Receive) -> Incoming:
    """Return the body of a request, of which nothing has been received yet."""
    return Incoming(receive, headers_of(scope["headers"]), scope.get("http_version", "1.1"))


@frozen
class Unread:
    """An ASGI application that reads no bodies: what comes all the same gets an end, within so many seconds."""

    application: ASGIApp
    seconds: float

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the application does, and end the connection where the body does not."""
        body = incoming(scope, receive)

        async def send_at_the_end(message: Message) -> None:
            if message["type"] == "http.response.start" and not await body.ends(seconds=self.seconds):
                message["headers"] = [*message["headers"], *body.closing]
            await send(message)

        await self.application(scope, receive, send_at_the_end)
