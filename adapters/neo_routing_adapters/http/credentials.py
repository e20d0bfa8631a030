"""API keys and tokens of Microsoft Entra ID, side by side behind one port."""

from __future__ import annotations

from collections.abc import Mapping

from neo_routing import Caller
from neo_routing_adapters.http.api_keys import ApiKeys
from neo_routing_adapters.http.bearer import bearer_token
from neo_routing_adapters.http.causes import Cause
from neo_routing_adapters.http.entra_tokens import EntraTokens
from neo_routing_adapters.http.key_text import PREFIX
from neo_routing_adapters.http.ports import Identity, Unauthenticated


class Credentials:
    """The authenticator for both: what begins as a key is a key, and anything else is a token.

    Raises `ValueError` if there is neither, as nobody could call.
    """

    def __init__(self, *, api_keys: ApiKeys | None = None, entra_tokens: EntraTokens | None = None) -> None:
        if api_keys is None and entra_tokens is None:
            raise ValueError("there must be API keys, or tokens of Entra, or both")
        self._api_keys = api_keys
        self._entra_tokens = entra_tokens

    async def authenticate(self, headers: Mapping[str, str], /) -> Caller | Identity | Unauthenticated:
        """Tell who sends these headers. Raises `AuthenticationUnavailable`."""
        text = bearer_token(headers)
        if isinstance(text, Cause):
            return Unauthenticated(text)
        if text.startswith(PREFIX):
            return await self._by_key(text)
        return await self._by_token(text)

    async def _by_key(self, text: str) -> Caller | Unauthenticated:
        if self._api_keys is None:
            return Unauthenticated(Cause.KEYS_NOT_ACCEPTED)
        return await self._api_keys.authenticate(text)

    async def _by_token(self, text: str) -> Identity | Unauthenticated:
        if self._entra_tokens is None:
            return Unauthenticated(Cause.TOKENS_NOT_ACCEPTED)
        return await self._entra_tokens.authenticate(text)
