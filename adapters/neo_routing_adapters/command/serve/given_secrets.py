"""The secrets of a server, which come from the environment or from files of their own, never from the command line."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Final

from attrs import field, frozen

from neo_routing_adapters.command.failure import CommandFailed, cannot
from neo_routing_adapters.command.serve.settings import Settings
from neo_routing_adapters.http.idempotency import SHORTEST_SECRET
from neo_routing_adapters.http.peppers import Peppers, read_peppers

_LONGEST: Final = 1 << 16
_DIGITS: Final = "it must be in hexadecimal digits"


@frozen(kw_only=True)
class GivenSecrets:
    """Under what keys are found, if any are, and under what bodies are kept."""

    peppers: Peppers | None
    idempotency: bytes = field(repr=False)
    idempotency_is_drawn: bool


def given_secrets(settings: Settings, *, draw_peppers: bool) -> GivenSecrets:
    """Read them, and draw what may be drawn anew. Raises `CommandFailed`, which tells none of what was read."""
    peppers = _text(settings.key_peppers, settings.key_peppers_file)
    idempotency = _text(settings.idempotency_secret, settings.idempotency_secret_file)
    drawn = Peppers((secrets.token_bytes(SHORTEST_SECRET),)) if draw_peppers else None
    return GivenSecrets(
        peppers=drawn if peppers is None else _peppers(peppers),
        idempotency=secrets.token_bytes(SHORTEST_SECRET) if idempotency is None else _idempotency(idempotency),
        idempotency_is_drawn=idempotency is None,
    )


def _peppers(text: str) -> Peppers:
    try:
        return read_peppers(text)
    except ValueError as error:
        raise CommandFailed(f"key_peppers cannot be used: {error}") from None


def _idempotency(text: str) -> bytes:
    try:
        secret = bytes.fromhex(text.strip())
    except ValueError:
        raise CommandFailed(f"idempotency_secret cannot be used: {_DIGITS}") from None
    if len(secret) < SHORTEST_SECRET:
        raise CommandFailed(f"idempotency_secret cannot be used: it has fewer than {SHORTEST_SECRET} bytes")
    return secret


def _text(value: str | None, file: Path | None) -> str | None:
    if file is None:
        return value
    try:
        with file.open(encoding="ascii") as opened:
            return opened.read(_LONGEST)
    except UnicodeDecodeError:
        raise CommandFailed(f"{file} cannot be used: {_DIGITS}") from None
    except OSError as error:
        raise cannot(f"read {file}", error) from error
