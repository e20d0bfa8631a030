"""Decide which agent answers a chat session, as which tenant and in which end-company's scope, or why not.

>>> from neo_routing import Caller, CallerKind, HeldRows, SessionRequest, content_of, resolve_session_target
>>> directory = HeldRows(content_of())
>>> user = Caller(CallerKind.USER, "msp-a")
>>> resolve_session_target(user, SessionRequest(agent_id=12), directory).failure().status
404

Who reads the core begins with the rules, in `routing.py`, and with `decide.py`, which has the rows fetched and answers
by them; the page for contributors has the order of the others. `testing/` is the harness for adapters and hosts, and
no part of the core.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from neo_routing.bodies import adecide_body, decide_body
from neo_routing.caller import Caller, CallerKind
from neo_routing.clauses import Clause, Reason, Verdict
from neo_routing.complaints import Complaint
from neo_routing.content import HeldRows, content_of
from neo_routing.decide import (
    adecide,
    adecide_many,
    aresolve_session_target,
    decide,
    decide_many,
    resolve_session_target,
    rows_needed,
)
from neo_routing.decision import Decision, malformed_decision
from neo_routing.directory import Agent, AgentKind, Channel, ChannelStatus, EndCompany, ManagedAgentKey, Tenant
from neo_routing.needed import RowsNeeded
from neo_routing.normal_forms import normal_bot_id, normal_m365_tenant_id
from neo_routing.port import AsyncSessionDirectory, DirectoryUnavailable, HoldingDirectory, SessionDirectory
from neo_routing.problems import InvalidDirectory, Problem
from neo_routing.refusals import Refusal, RefusalCode
from neo_routing.request import SessionRequest
from neo_routing.request_shape import parse_session_request
from neo_routing.rows import ChannelRow, Rows
from neo_routing.rows_builder import RowsBuilder
from neo_routing.steps import RULES_VERSION
from neo_routing.target import Outcome, SessionTarget
from neo_routing.trace import TracedAgent, TracedChannel, TracedEndCompany, TraceStep
from neo_routing.version import __version__ as __version__
from neo_routing.warning_codes import WarningCode

if TYPE_CHECKING:
    from neo_routing.account_remedy import AccountRemedy, RemedyOfAccount, account_remedies
    from neo_routing.engine import PolicyEngine
    from neo_routing.nearest_miss import Miss, NearestMiss, nearest_misses
    from neo_routing.outage import Outage
    from neo_routing.plain_data.calls import caller_data, caller_of, decision_data, decision_of, request_data
    from neo_routing.plain_data.directories import directory_data, directory_of
    from neo_routing.plain_data.records import record_data, record_of
    from neo_routing.record import DecisionRecord, decision_record

__all__ = [
    "RULES_VERSION",
    "AccountRemedy",
    "Agent",
    "AgentKind",
    "AsyncSessionDirectory",
    "Caller",
    "CallerKind",
    "Channel",
    "ChannelRow",
    "ChannelStatus",
    "Clause",
    "Complaint",
    "Decision",
    "DecisionRecord",
    "DirectoryUnavailable",
    "EndCompany",
    "HeldRows",
    "HoldingDirectory",
    "InvalidDirectory",
    "ManagedAgentKey",
    "Miss",
    "NearestMiss",
    "Outage",
    "Outcome",
    "PolicyEngine",
    "Problem",
    "Reason",
    "Refusal",
    "RefusalCode",
    "RemedyOfAccount",
    "Rows",
    "RowsBuilder",
    "RowsNeeded",
    "SessionDirectory",
    "SessionRequest",
    "SessionTarget",
    "Tenant",
    "TraceStep",
    "TracedAgent",
    "TracedChannel",
    "TracedEndCompany",
    "Verdict",
    "WarningCode",
    "account_remedies",
    "adecide",
    "adecide_body",
    "adecide_many",
    "aresolve_session_target",
    "caller_data",
    "caller_of",
    "content_of",
    "decide",
    "decide_body",
    "decide_many",
    "decision_data",
    "decision_of",
    "decision_record",
    "directory_data",
    "directory_of",
    "malformed_decision",
    "nearest_misses",
    "normal_bot_id",
    "normal_m365_tenant_id",
    "parse_session_request",
    "record_data",
    "record_of",
    "request_data",
    "resolve_session_target",
    "rows_needed",
]

# What not every process needs that decides; to import it takes as long as half of the rest.
_LATER: Final = {
    "AccountRemedy": "neo_routing.account_remedy",
    "RemedyOfAccount": "neo_routing.account_remedy",
    "account_remedies": "neo_routing.account_remedy",
    "Miss": "neo_routing.nearest_miss",
    "NearestMiss": "neo_routing.nearest_miss",
    "nearest_misses": "neo_routing.nearest_miss",
    "PolicyEngine": "neo_routing.engine",
    "Outage": "neo_routing.outage",
    "caller_data": "neo_routing.plain_data.calls",
    "caller_of": "neo_routing.plain_data.calls",
    "decision_data": "neo_routing.plain_data.calls",
    "decision_of": "neo_routing.plain_data.calls",
    "request_data": "neo_routing.plain_data.calls",
    "directory_data": "neo_routing.plain_data.directories",
    "directory_of": "neo_routing.plain_data.directories",
    "record_data": "neo_routing.plain_data.records",
    "record_of": "neo_routing.plain_data.records",
    "DecisionRecord": "neo_routing.record",
    "decision_record": "neo_routing.record",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_LATER[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
