"""What is said of an answer, of a change and of something suspicious, for a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from returns.result import Failure
from rich.text import Text

from neo_routing import Decision
from neo_routing.analysis import Change, Suspicion
from neo_routing_adapters.phrases import answer_in_a_line


def answer_words(decision: Decision) -> Text:
    """Tell who answers and in whose scope, or why nobody does."""
    result = decision.result
    told = answer_in_a_line(result, with_message=False)
    if isinstance(result, Failure):
        reason = result.failure().reason
        return Text(f"{told}, {reason}" if reason else told, "red")
    return Text(told if result.unwrap().end_company_id is not None else f"{told}, unscoped", "green")


def with_warnings(decision: Decision) -> Text:
    """Tell the same, and the warnings beside it."""
    warnings = ", ".join(map(str, decision.warnings)) or "none"
    return Text.assemble(answer_words(decision), f"; warnings: {warnings}")


SUSPICIONS: Final[Mapping[Suspicion, str]] = {
    Suspicion.INSTALLED_NOWHERE: "This white-label bot is installed for no M365 tenant.",
    Suspicion.INSTALLED_ON_STANDARD_CHANNEL: (
        "This standard channel has installations, which have no effect: its sessions belong to no end-company."
    ),
    Suspicion.NOBODY_ARRIVES: "No call there can be arrives at this active white-label channel.",
    Suspicion.LINKED_BY_SEVERAL_TENANTS: "Several tenants link this M365 tenant, and have the same white-label bot.",
    Suspicion.PAUSED_AND_ACTIVE: "Installed at several tenants, with an active channel at one and a paused at another.",
    Suspicion.TENANT_IDS_ALIKE: "These tenant ids look alike: they are equal after NFKC and case folding.",
    Suspicion.NO_GUID: "This M365 tenant id is no GUID, as Microsoft's are.",
}

CHANGES: Final[Mapping[Change, str]] = {
    Change.WIDER: "an unscoped session where a scoped one or a refusal was",
    Change.ANOTHER_TENANT: "a session as another tenant",
    Change.ANOTHER_SCOPE: "a session of the same tenant in another scope",
    Change.REFUSED: "a refusal where a session was",
    Change.ANSWERED: "a scoped session where a refusal was",
    Change.ANOTHER_AGENT: "another agent or channel of the same tenant, in the same scope",
    Change.ANOTHER_REFUSAL: "another refusal",
    Change.WARNING: "the same answer, with other warnings",
}
