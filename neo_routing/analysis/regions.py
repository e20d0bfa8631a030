"""Where very many targets are answered otherwise for one reason: told once, and not for each of them.

A bot that is installed for an M365 tenant in one of two directories alone is answered there alike for all targets, and
in the other by each target's own rows. A bot of which something else is known gives each target another warning.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from attrs import field, frozen

from neo_routing.analysis.call_set import CallSet
from neo_routing.analysis.common import Both
from neo_routing.analysis.partition import sort_of_bot
from neo_routing.analysis.representatives import asked, caller_of
from neo_routing.analysis.which import Layer, Which
from neo_routing.caller import Caller, CallerKind
from neo_routing.printable import printable
from neo_routing.request import SessionRequest
from neo_routing.routing import neo_support, platform_session
from neo_routing.rows import Rows
from neo_routing.step import Step
from neo_routing.warning_codes import WarningCode

OwnAnswer: TypeAlias = tuple[Step, bool, tuple[WarningCode, ...]]
"""How a target's own rows answer: the last step, whether that is a scoped session, and the warnings."""

_AT_NEO_SUPPORT: Final = frozenset([Layer.NO_CHANNEL, Layer.PAUSED_CHANNEL])


def own_answer(caller: Caller, request: SessionRequest, rows: Rows) -> OwnAnswer:
    """Tell how a target's own rows answer a call of the platform."""
    answer, warnings, noted = platform_session(caller, request, rows)
    target = answer.value_or(None)
    return noted[-1][0], target is not None and target.end_company_id is not None, warnings


@frozen(kw_only=True)
class InstallationRegion:
    """The calls with a bot and an M365 tenant for which it is installed in one of the directories alone.

    They are of every target whose own rows, in the directory where the bot is not installed, answer in one way: from
    that to the answer on the installation, or back.
    """

    bot_id: str
    m365_tenant_id: str
    installed_before: bool
    """Whether it is the one before that has the installation, and not the one after."""
    client_id: Which
    """Where the answer is the same, `client_id` parts the warnings; else it is any."""
    own: OwnAnswer = field(repr=False)
    target_id: str = field(eq=False)
    """The target of the call that stands for all."""
    both: Both = field(eq=False, repr=False)

    @property
    def caller(self) -> Caller:
        """Who makes the call that stands for all."""
        return caller_of(CallerKind.PLATFORM, self.target_id)

    @property
    def request(self) -> SessionRequest:
        """What that asks for."""
        client_id = None if self.client_id is Which.OWNER_OR_ABSENT else self.target_id
        return asked(client_id, self.bot_id, self.m365_tenant_id)

    @property
    def words(self) -> str:
        """The set in words, for an operator: it names ids."""
        step, scoped, _ = self.own
        about = f"the platform for any tenant, bot {self.bot_id}, M365 tenant {self.m365_tenant_id}"
        own = f"whose own answer is by {step.clause}, {step.reason}{', scoped' if scoped else ''}"
        return f"{printable(about)}, {own}"

    def data(self) -> dict[str, Any]:
        """Return the set as plain data, made anew."""
        step, scoped, warnings = self.own
        return {
            "sort": "installation_region",
            "bot_id": self.bot_id,
            "m365_tenant_id": self.m365_tenant_id,
            "installed_in": "before" if self.installed_before else "after",
            "client_id": str(self.client_id),
            "own_answer": {
                "clause": str(step.clause),
                "reason": str(step.reason),
                "scoped": scoped,
                "warnings": sorted(map(str, warnings)),
            },
        }

    def holds(self, caller: Caller, request: SessionRequest) -> bool:
        """Tell whether a call belongs to the set."""
        if (request.bot_id, request.m365_tenant_id) != (self.bot_id, self.m365_tenant_id):
            return False
        before, after = self.both.call_sets(caller, request)
        installed, rows = (before, self.both.after) if self.installed_before else (after, self.both.before)
        if installed is None or installed.layer is not Layer.INSTALLATION:
            return False
        if self.client_id is not Which.ANY and installed.client_id is not self.client_id:
            return False
        return own_answer(caller, request, rows) == self.own


@frozen(kw_only=True)
class BotRegion:
    """The calls with a bot of which something else is known, by which targets without an ACTIVE channel are warned.

    They are of the targets that are there before and after, with the same Neo Support and the same channels of the bot,
    if any, paused; and not of an M365 tenant for which it is installed.
    """

    bot_id: str
    before: Which
    """What is known of it before."""
    after: Which
    target_id: str = field(eq=False)
    """The target of the call that stands for all."""
    both: Both = field(eq=False, repr=False)

    @property
    def caller(self) -> Caller:
        """Who makes the call that stands for all."""
        return caller_of(CallerKind.PLATFORM, self.target_id)

    @property
    def request(self) -> SessionRequest:
        """What that asks for."""
        return asked(self.target_id, self.bot_id, None)

    @property
    def words(self) -> str:
        """The set in words, for an operator: it names ids."""
        known = f"known as {self.before}, then as {self.after}"
        return f"the platform for any tenant without an active channel, bot {printable(self.bot_id)}, {known}"

    def data(self) -> dict[str, Any]:
        """Return the set as plain data, made anew."""
        known = {"before": str(self.before), "after": str(self.after)}
        return {"sort": "bot_region", "bot_id": self.bot_id, **known}

    def holds(self, caller: Caller, request: SessionRequest) -> bool:
        """Tell whether a call belongs to the set."""
        return request.bot_id == self.bot_id and is_in_bot_region(self.both, caller, request)


def is_in_installation_region(before: CallSet, after: CallSet) -> bool:
    """Tell whether calls of these two sets are told as a region of an installation."""
    return (before.layer is Layer.INSTALLATION) is not (after.layer is Layer.INSTALLATION)


def is_in_bot_region(both: Both, caller: Caller, request: SessionRequest) -> bool:
    """Tell whether a call is told as part of a region of its bot."""
    before, after = both.call_sets(caller, request)
    if before is None or after is None or before.layer not in _AT_NEO_SUPPORT or before.layer is not after.layer:
        return False
    target_id, bot_id = _target(caller, request), str(request.bot_id)
    if sort_of_bot(bot_id, both.before) is sort_of_bot(bot_id, both.after):
        return False
    return is_steady(both, target_id)


def is_steady(both: Both, tenant_id: str) -> bool:
    """Tell whether a tenant is there in both, and its Neo Support gives the same answer."""
    if not all(tenant_id in rows.tenants for rows in both.sides):
        return False
    (step, _, _, agent_ids), (later_step, _, _, later_agent_ids) = [neo_support(tenant_id, rows) for rows in both.sides]
    return step is later_step and (step.code is not None or agent_ids == later_agent_ids)


def _target(caller: Caller, request: SessionRequest) -> str:
    return caller.tenant_id if request.client_id is None else request.client_id
