"""The keys that tokens are signed with, remembered, and fetched again when they have changed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Final

from neo_routing_adapters.http.jwks import SigningKey, read_jwks
from neo_routing_adapters.http.jwks_source import JwksSource, JwksUnavailable
from neo_routing_adapters.http.ports import AuthenticationUnavailable

BETWEEN_FETCHES: Final = 60.0
"""Seconds: whoever makes up names of keys cannot make us fetch more often than that."""
FRESH: Final = 3_600.0
"""Seconds after which the keys are fetched again, while the old ones go on to serve."""
OLDEST: Final = 86_400.0
"""Seconds after which keys serve no more that could not be fetched again: they may have been withdrawn."""


class JwksCache:
    """Finds keys by their ids. For one event loop."""

    def __init__(self, source: JwksSource, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._source = source
        self._clock = clock
        self._keys: Mapping[str, tuple[SigningKey, ...]] = {}
        self._fetched_at = self._tried_at = -OLDEST
        self._began: asyncio.Task[None] | None = None
        self._failure: Exception | None = None
        self.fetches = 0
        """How often the keys were asked for."""
        self.failures = 0
        """How often that failed."""

    async def signing_keys(self, key_id: str) -> tuple[SigningKey, ...]:
        """Return the keys with an id, which are none if nobody has one of this name.

        Raises `AuthenticationUnavailable` if it is not among those that are known, and what there is now cannot be had.
        """
        known = self._known(key_id)
        if known and self._age() < FRESH:
            return known
        fetch = self._fetch_if_due()
        if known or fetch is None:
            return self._surely(known)
        await asyncio.shield(fetch)  # others wait for it too
        return self._surely(self._known(key_id))

    def _known(self, key_id: str) -> tuple[SigningKey, ...]:
        return self._keys.get(key_id, ()) if self._age() < OLDEST else ()

    def _surely(self, found: tuple[SigningKey, ...]) -> tuple[SigningKey, ...]:
        if not found and self._failure is not None:
            raise AuthenticationUnavailable from self._failure
        return found

    def _age(self) -> float:
        return self._clock() - self._fetched_at

    def _fetch_if_due(self) -> asyncio.Task[None] | None:
        """Return the fetch that is under way, or a new one if the last is long enough ago."""
        if self._began is not None and not self._began.done():
            return self._began
        if self._clock() - self._tried_at < BETWEEN_FETCHES:
            return None
        self._tried_at = self._clock()
        self._began = asyncio.create_task(self._fetch())
        return self._began

    async def _fetch(self) -> None:
        self.fetches += 1
        self._failure = AuthenticationUnavailable()  # until it has succeeded
        try:
            self._keys = read_jwks(await self._source.read())
        except (JwksUnavailable, ValueError) as error:
            self.failures += 1
            self._failure = error
        else:
            self._failure = None
            self._fetched_at = self._clock()
