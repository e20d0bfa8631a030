"""Who may call, and how often, as the settings say."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from attrs import frozen

from neo_routing_adapters.command.failure import CommandFailed, cannot
from neo_routing_adapters.command.serve.settings import Settings
from neo_routing_adapters.http.callers import (
    ApiKeys,
    Credentials,
    EntraCloud,
    EntraSettings,
    EntraTokens,
    JwksCache,
    JwksFile,
    JwksUrl,
    Limit,
    Limits,
    MemoryKeyStore,
    Peppers,
    StoredKey,
    jwks_url,
)
from neo_routing_adapters.http.jwks import read_jwks
from neo_routing_adapters.http.jwks_source import JwksSource
from neo_routing_adapters.http.key_store import KeyStore
from neo_routing_adapters.http.key_text import environment_name
from neo_routing_adapters.http.links import EntraLinks


@frozen
class KeysAtHand:
    """Keys that end with the process, and all others in a store."""

    at_hand: MemoryKeyStore
    others: KeyStore

    async def find(self, macs: Collection[bytes]) -> StoredKey | None:
        """Return the key that is stored under one of these. Raises `AuthenticationUnavailable`."""
        found = await self.at_hand.find(macs)
        return await self.others.find(macs) if found is None else found


def credentials(
    settings: Settings,
    peppers: Peppers | None,
    keys: KeyStore,
    links: EntraLinks,
    jwks: JwksCache,
) -> Credentials:
    """Return who tells callers."""
    entra = _entra_settings(settings)
    return Credentials(
        api_keys=None if peppers is None else ApiKeys(keys, peppers, environment=settings.key_environment),
        entra_tokens=None if entra is None else EntraTokens(entra, jwks, links),
    )


def jwks_source(settings: Settings) -> JwksSource:
    """Return where the keys of tokens are read."""
    if settings.entra_jwks_file is not None:
        return JwksFile(settings.entra_jwks_file)
    return JwksUrl(settings.entra_jwks_url or jwks_url(EntraCloud(settings.entra_cloud)))


def limits(settings: Settings) -> Limits:
    """Return how often somebody may call."""
    return Limits(
        tenant=_limit(settings.rate_limit_tenant),
        platform=_limit(settings.rate_limit_platform),
        failures=_limit(settings.rate_limit_failed),
    )


def require_usable(settings: Settings, peppers: Peppers | None) -> None:
    """Raise `CommandFailed` for settings with which nobody could call, and say which."""
    if peppers is None and not settings.entra_audiences:
        raise CommandFailed(
            "nobody could call: set NEO_ROUTING_KEY_PEPPERS or key_peppers_file for API keys, "
            "or entra_audiences and entra_scope for tokens"
        )
    with _named("key_environment"):
        environment_name(settings.key_environment)
    with _named("entra_audiences and entra_scope"):
        _entra_settings(settings)
    with _named("entra_jwks_url"):
        jwks_source(settings)
    if settings.entra_jwks_file is not None:
        _require_keys(settings)
    _require_redis(settings)


def _require_keys(settings: Settings) -> None:
    assert settings.entra_jwks_file is not None
    try:
        with _named(f"entra_jwks_file, {settings.entra_jwks_file}"):
            read_jwks(settings.entra_jwks_file.read_bytes())
    except OSError as error:
        raise cannot(f"read {settings.entra_jwks_file}", error) from error


def _require_redis(settings: Settings) -> None:
    if settings.redis_url is None:
        return
    try:
        from neo_routing_adapters.http.rates_in_redis import redis_pool  # noqa: PLC0415  # its extra may be missing
    except ModuleNotFoundError as missing:
        raise CommandFailed(str(missing)) from missing
    try:
        redis_pool(settings.redis_url)
    except ValueError:
        raise CommandFailed("redis_url is no URL of Redis, such as redis://host:6379/0") from None


def _entra_settings(settings: Settings) -> EntraSettings | None:
    if not settings.entra_audiences or settings.entra_scope is None:
        return None
    return EntraSettings(
        audiences=settings.entra_audiences,
        scope=settings.entra_scope,
        cloud=EntraCloud(settings.entra_cloud),
        clients=settings.entra_clients,
        guests_allowed=settings.entra_guests == "allowed",
    )


def _limit(calls: int) -> Limit | None:
    return Limit(calls) if calls else None


@contextmanager
def _named(what: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise CommandFailed(f"{what}: {error}") from error
