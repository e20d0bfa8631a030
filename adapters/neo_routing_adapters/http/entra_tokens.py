"""Access tokens of Microsoft Entra ID: which dashboard user one speaks for."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from neo_routing import Caller, CallerKind, well_formed
from neo_routing_adapters.http.causes import Cause
from neo_routing_adapters.http.entra_claims import Claims, EntraSettings, objection
from neo_routing_adapters.http.entra_clouds import issuer
from neo_routing_adapters.http.jwks_cache import JwksCache
from neo_routing_adapters.http.links import EntraLinks
from neo_routing_adapters.http.ports import Identity, Unauthenticated
from neo_routing_adapters.http.token_text import claims_of, key_id_of, signed_by

_VERSIONS: Final = ("1.0", "2.0")


class EntraTokens:
    """Tells which user a token speaks for: one of the tenant that the token's M365 tenant is linked to.

    That is never a platform caller, whoever signed the token.
    """

    def __init__(
        self,
        settings: EntraSettings,
        jwks: JwksCache,
        links: EntraLinks,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._jwks = jwks
        self._links = links
        self._clock = clock

    async def authenticate(self, text: str) -> Identity | Unauthenticated:
        """Return who it speaks for. Raises `AuthenticationUnavailable`."""
        claims = await self._claims(text)
        if isinstance(claims, Cause):
            return Unauthenticated(claims)
        tenant_id = await self._links.tenant_of(claims["tid"])
        if tenant_id is None:
            return Unauthenticated(Cause.TENANT_NOT_LINKED)
        return Identity(caller=Caller(CallerKind.USER, tenant_id), user_id=_user_id(claims))

    async def _claims(self, text: str) -> Claims | Cause:
        """Return the claims of a token that is for us, or the cause for which it is not."""
        key_id = key_id_of(text)
        if isinstance(key_id, Cause):
            return key_id
        keys = await self._jwks.signing_keys(key_id)
        if not keys:
            return Cause.UNKNOWN_SIGNING_KEY
        signed = [(key, payload) for key in keys if (payload := signed_by(text, key)) is not None]
        if not signed:
            return Cause.WRONG_SIGNATURE
        claims = claims_of(signed[0][1])
        if claims is None:
            return Cause.MALFORMED_TOKEN
        cause = objection(claims, self._settings, self._clock())
        if cause is None and not any(key.fits(claims["tid"], self._issuers(claims["tid"])) for key, _ in signed):
            cause = Cause.SIGNING_KEY_OF_ANOTHER_ISSUER
        return claims if cause is None else cause

    def _issuers(self, m365_tenant_id: str) -> frozenset[str | None]:
        return frozenset(issuer(self._settings.cloud, version, m365_tenant_id) for version in _VERSIONS)


def _user_id(claims: Claims) -> str | None:
    """Return what tells the user from the tenant's others: `oid`, if the token has one."""
    try:
        return well_formed.identifier(claims["oid"])
    except (KeyError, ValueError):
        return None
