"""Ids that were given on the command line, in the form in which a directory has them."""

from __future__ import annotations

from collections.abc import Callable

from neo_routing.complaints import IllFormed
from neo_routing.well_formed import bot_id, identifier, m365_tenant_id
from neo_routing_adapters.command.failure import CommandFailed


def given_id(option: str, given: str | None) -> str | None:
    """Return the id of a tenant, a channel or an end-company, to the letter. Raises `CommandFailed`."""
    return _read(identifier, option, given)


def given_bot_id(option: str, given: str | None) -> str | None:
    """Return a bot id in normal form. Raises `CommandFailed`."""
    return _read(bot_id, option, given)


def given_m365_tenant_id(option: str, given: str | None) -> str | None:
    """Return an M365 tenant id in normal form. Raises `CommandFailed`."""
    return _read(m365_tenant_id, option, given)


def _read(read: Callable[[str], str], option: str, given: str | None) -> str | None:
    if given is None:
        return None
    try:
        return read(given)
    except IllFormed as error:
        raise CommandFailed(f"the id of {option} {error.words}") from error
