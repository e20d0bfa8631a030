"""What the claims of an access token must say, one function for each; the first that objects decides.

They are asked of tokens whose signature is good: what stands there was written by Microsoft, for somebody.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

from attrs import field, frozen

from neo_routing_adapters.http.causes import Cause
from neo_routing_adapters.http.entra_clouds import EntraCloud, issuer

Claims: TypeAlias = Mapping[str, Any]

LEEWAY: Final = 60
"""Seconds by which clocks may differ."""

is_guid: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch
_TEXTS: Final = ("iss", "aud", "tid", "ver")
_MEMBER: Final = 0
"""Of `acct`: the user is at home in the M365 tenant that issued the token."""


def _names(values: Iterable[str]) -> frozenset[str]:
    if isinstance(values, str):
        raise TypeError("names are given as a set of texts, not as one text")
    return frozenset(values)


@frozen(kw_only=True)
class EntraSettings:
    """Which tokens are for us. Raises `ValueError` for no audience and for a scope that cannot be one."""

    audiences: frozenset[str] = field(converter=_names)
    """The values of `aud` that mean this application: of v2.0 tokens its client id, of v1.0 tokens its URI too."""
    scope: str
    """The one that `scp` must hold, such as access_as_user."""
    cloud: EntraCloud = field(default=EntraCloud.GLOBAL, converter=EntraCloud)
    clients: frozenset[str] = field(default=frozenset(), converter=_names)
    """The applications that may call for a user, by client id; none listed means any."""
    guests_allowed: bool = False

    def __attrs_post_init__(self) -> None:
        if not self.audiences or "" in self.audiences:
            raise ValueError("there must be an audience, and none may be empty")
        if not self.scope or self.scope != "".join(self.scope.split()):
            raise ValueError("the scope must be one word")


def objection(claims: Claims, settings: EntraSettings, seconds: float) -> Cause | None:
    """Return why these claims authenticate nobody at this time, in seconds since 1970; nothing if they do."""
    checks: tuple[Callable[[Claims, EntraSettings], Cause | None], ...] = (_issuer, _audience, _user, _client, _guest)
    found = _form(claims) or _lifetime(claims, seconds)
    for check in checks:
        found = found or check(claims, settings)
    return found


def _form(claims: Claims) -> Cause | None:
    """`iss`, `aud` and `tid` are there, and texts; a list, say, would be read by each reader as another."""
    texts = all(type(claims.get(name)) is str for name in _TEXTS)
    times = _is_time(claims.get("exp")) and all(_is_time(claims.get(name, 0)) for name in ("nbf", "iat"))
    return None if texts and times and is_guid(claims["tid"]) else Cause.ILL_FORMED_CLAIM


def _is_time(value: object) -> bool:
    return type(value) in {int, float}


def _lifetime(claims: Claims, seconds: float) -> Cause | None:
    if seconds >= claims["exp"] + LEEWAY:
        return Cause.EXPIRED_TOKEN
    begins = max(claims.get("nbf", 0), claims.get("iat", 0))
    return Cause.TOKEN_NOT_YET_VALID if seconds < begins - LEEWAY else None


def _issuer(claims: Claims, settings: EntraSettings) -> Cause | None:
    expected = issuer(settings.cloud, claims["ver"], claims["tid"])
    return None if claims["iss"] == expected else Cause.WRONG_ISSUER


def _audience(claims: Claims, settings: EntraSettings) -> Cause | None:
    return None if claims["aud"] in settings.audiences else Cause.WRONG_AUDIENCE


def _user(claims: Claims, settings: EntraSettings) -> Cause | None:
    """A token that an application got for itself has no `scp`: any application of any M365 tenant can get one."""
    if claims.get("idtyp", "user") != "user" or "scp" not in claims:
        return Cause.NO_USER
    scopes = claims["scp"]
    return None if type(scopes) is str and settings.scope in scopes.split(" ") else Cause.MISSING_SCOPE


def _client(claims: Claims, settings: EntraSettings) -> Cause | None:
    """Which application the user has before him: `appid` in v1.0, `azp` in v2.0."""
    client = claims.get("azp" if claims["ver"] == "2.0" else "appid")
    known = not settings.clients or (type(client) is str and client in settings.clients)
    return None if known else Cause.UNKNOWN_CLIENT


def _guest(claims: Claims, settings: EntraSettings) -> Cause | None:
    acct = claims.get("acct", _MEMBER)
    member = type(acct) is int and acct == _MEMBER and claims.get("idp", claims["iss"]) == claims["iss"]
    return None if settings.guests_allowed or member else Cause.GUEST
