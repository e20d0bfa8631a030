"""One decision for three readers: the user who called, the administrator of an account, an operator.

The first gets what the refusal itself says, and nothing else. The second gets that, and what can be mended in the rows
of that one account. Only the third gets the trace.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from returns.result import Failure
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from neo_routing import Caller, Decision, decision_data
from neo_routing.account_remedy import RemedyOfAccount
from neo_routing.analysis import Remedy
from neo_routing.names import Name
from neo_routing.nearest_miss import NearestMiss
from neo_routing.plain_data.answers import answer_data
from neo_routing.printable import printable
from neo_routing_adapters.advice import ACCOUNT_REMEDIES, MISSES, NOTHING_TO_MEND
from neo_routing_adapters.command.decision_report import decision_report
from neo_routing_adapters.phrases import exactly, own_particulars

ReaderName: TypeAlias = Literal["user", "admin", "operator"]

_ANSWERED: Final = "This call is not refused: an agent answers."
_OWN_ROWS: Final[dict[str, tuple[str, ...]]] = {
    "channels": ("id", "status", "white_label"),
    "agents": ("id", "name", "kind"),
    "end_companies": ("id", "name"),
}
"""What an account is told of its own rows; not which agent a channel names, as that may be another's."""


class Told(NamedTuple):
    """What a reader is told, for the terminal and as plain data."""

    text: RenderableType
    data: dict[str, Any]


class OwnRemedy(NamedTuple):
    """What an account can do, and the changes to its own rows that make it, one of them or another."""

    remedy: RemedyOfAccount
    ways: tuple[Remedy, ...] = ()


def for_user(decision: Decision) -> Told:
    """Tell what may be shown to whoever called: the refusal, or that there is none."""
    refusal = decision.refusal
    if refusal is None:
        return Told(Text(_ANSWERED), {"for": "user", "outcome": "answered"})
    return Told(Text(printable(refusal.message)), {"for": "user", **answer_data(Failure(refusal))})


def for_account(decision: Decision, account: str, found: Sequence[OwnRemedy]) -> Told:
    """Tell that, and what the administrator of this account can do about it."""
    user = for_user(decision)
    data = user.data | {"for": "admin", "account": account, "remedies": [_remedy_data(*one) for one in found]}
    if decision.refusal is None:
        return Told(user.text, data)
    told = [part for one in found for part in _remedy_text(one.remedy)] or [_indented(NOTHING_TO_MEND)]
    return Told(Group(user.text, Text(), Text(f"for {exactly(account)} to mend", "bold"), *told), data)


def for_operator(
    caller: Caller, decision: Decision, misses: Sequence[NearestMiss], remedies: Sequence[Mapping[str, Any]]
) -> Told:
    """Tell everything. Each remedy is plain data with a `sentence`."""
    data = decision_data(decision, trace=True) | {
        "for": "operator",
        "nearest_misses": [_miss_data(near) for near in misses],
        "remedies": [*remedies],
    }
    return Told(decision_report(caller, decision, misses, [each["sentence"] for each in remedies]), data)


def _remedy_text(one: RemedyOfAccount) -> Iterable[RenderableType]:
    yield _indented(ACCOUNT_REMEDIES[one.remedy])
    for particular in own_particulars(one):
        yield Padding(Text(particular, "dim"), (0, 0, 0, 4))


def _indented(line: str) -> Padding:
    return Padding(Text(line), (0, 0, 0, 2))


def _remedy_data(one: RemedyOfAccount, ways: Sequence[Remedy]) -> dict[str, Any]:
    told = {"remedy": str(one.remedy), "sentence": ACCOUNT_REMEDIES[one.remedy]}
    m365 = {} if one.m365_tenant_id is None else {"m365_tenant_id": one.m365_tenant_id}
    rows = {
        name: [{key: _plain(getattr(row, key)) for key in keys} for row in getattr(one, name)]
        for name, keys in _OWN_ROWS.items()
        if getattr(one, name)
    }
    return told | m365 | rows | ({"ways": [way.data() for way in ways]} if ways else {})


def _miss_data(near: NearestMiss) -> dict[str, Any]:
    told = {"clause": str(near.clause), "miss": str(near.miss), "sentence": MISSES[near.miss]}
    tenants = {"tenant_ids": [*near.tenant_ids]} if near.tenant_ids else {}
    rows = {
        name: [{key: _plain(value) for key, value in row._asdict().items()} for row in getattr(near, name)]
        for name in _OWN_ROWS
        if getattr(near, name)
    }
    return told | tenants | rows


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Name) else value
