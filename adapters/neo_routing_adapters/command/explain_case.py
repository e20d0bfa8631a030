"""`neo-routing explain` of a call: decided on a directory, and told to one of three readers."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Final

from neo_routing import Caller, CallerKind, Decision, account_remedies, decide_body, parse_session_request
from neo_routing.analysis import decision_remedies, own_remedies
from neo_routing.complaints import IllFormed
from neo_routing.nearest_miss import ids_sought, nearest_misses
from neo_routing_adapters.advice import remedies
from neo_routing_adapters.command.failure import CommandFailed
from neo_routing_adapters.command.given_directory import given_directory_and_rows
from neo_routing_adapters.command.readers import OwnRemedy, ReaderName, Told, for_account, for_operator, for_user
from neo_routing_adapters.command.rows_at_hand import RowsAtHand
from neo_routing_adapters.command.terminal import show
from neo_routing_adapters.json_lines import decision_line, plain_line
from neo_routing_adapters.phrases import exactly

_KINDS: Final = frozenset(map(str, CallerKind))


def explain_case(
    caller: str,
    body: Mapping[str, object],
    directory: str,
    reader: ReaderName | None,
    account: str | None,
    *,
    json: bool,
) -> None:
    """Decide what a caller asks for, and tell it to a reader. Raises `CommandFailed`."""
    if (account is not None) is not (reader == "admin"):
        raise CommandFailed("--account says whose administrator reads it: give it with --for admin, and only then")
    who = _caller(caller)
    with given_directory_and_rows(directory) as (known, rows):
        decision = decide_body(who, body, known)
        if json and reader is None:
            print(decision_line(decision, trace=True))
            return
        told = _told(who, body, decision, rows, reader, account)
    if json:
        print(plain_line(told.data))
    else:
        show(told.text, sys.stdout)


def _told(
    caller: Caller,
    body: Mapping[str, object],
    decision: Decision,
    rows: RowsAtHand,
    reader: ReaderName | None,
    account: str | None,
) -> Told:
    if reader == "user":
        return for_user(decision)
    if account is not None:
        return for_account(decision, account, _remedies(caller, body, decision, account, rows))
    if not any(ids_sought(decision)):
        return for_operator(caller, decision, (), [{"sentence": sentence} for sentence in remedies(decision)])
    near = rows.near(decision)
    advice = [{"sentence": sentence} for sentence in remedies(decision)]
    by_audit = [each.data() for each in decision_remedies(decision, near)]
    return for_operator(caller, decision, nearest_misses(decision, near), advice + by_audit)


def _remedies(
    caller: Caller, body: Mapping[str, object], decision: Decision, account: str, rows: RowsAtHand
) -> list[OwnRemedy]:
    """Return what the account can do, with the changes that make it.

    Raises `CommandFailed` for an account that is not there: nothing is said of its rows.
    """
    request, own = parse_session_request(body).value_or(None), rows.of_tenant(account)
    is_named = account in (caller.tenant_id, None if request is None else request.client_id)
    if account not in own.tenants and not is_named:
        raise CommandFailed(f"--account must be a tenant of the directory, and there is no {exactly(account)}")
    if request is None or decision.refusal is None:
        return []
    found = account_remedies(decision.refusal, caller, request, account, own)
    return [OwnRemedy(one, own_remedies(one, account, request.bot_id, own)) for one in found]


def _caller(text: str) -> Caller:
    kind, colon, tenant_id = text.partition(":")
    if not colon or kind not in _KINDS:
        raise CommandFailed(
            f"--caller must be KIND:TENANT, where KIND is platform, service_account or user, not {exactly(text)}"
        )
    try:
        return Caller(CallerKind(kind), tenant_id)
    except IllFormed as error:
        raise CommandFailed(f"the tenant id of --caller {error.words}") from error
