"""The rules, Admission: whether a request may be routed at all.

These clauses look at nothing but who asks and which fields are there: the shape of the request. There are few shapes,
so what the clauses say to each is worked out once, and a call only picks out the `Admission` of its shape.
`request-shape` itself, which makes the request, is `neo_routing.request_shape.parse_session_request`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from attrs import frozen
from returns.result import Failure

from neo_routing import steps, well_formed
from neo_routing.caller import Caller
from neo_routing.clauses import Verdict
from neo_routing.messages import malformed
from neo_routing.refusals import Refusal
from neo_routing.request import SessionRequest
from neo_routing.shape import (
    BLANK_BOT_ID,
    BLANK_CLIENT_ID,
    BLANK_M365_TENANT_ID,
    HAS_AGENT_ID,
    HAS_BOT_ID,
    HAS_CLIENT_ID,
    HAS_M365_TENANT_ID,
    HAS_MANAGED_AGENT_KEY,
    HAS_UNKNOWN_FIELDS,
    UNUSABLE_BOT_ID,
    UNUSABLE_M365_TENANT_ID,
)
from neo_routing.step import Step
from neo_routing.warning_codes import WarningCode


@frozen(kw_only=True, eq=False, repr=False)
class Admission:
    """What admission says to a caller and a shape: its steps, and either a refusal or the warnings so far, sorted."""

    steps: tuple[Step, ...]
    failure: Failure[Refusal] | None = None
    warnings: tuple[WarningCode, ...] = ()


def client_id_reserved(is_platform: bool, shape: int) -> Step:
    """`client-id-reserved`: only the platform may pass a `client_id`; its own id is no exception."""
    if is_platform:
        return steps.PLATFORM_CALLER
    return steps.CLIENT_ID_GIVEN if shape & HAS_CLIENT_ID else steps.NO_CLIENT_ID


def one_selector(shape: int) -> Step:
    """`one-selector`: whoever asks, either `agent_id` or `managed_agent_key` is there, and not both."""
    if shape & HAS_AGENT_ID:
        return steps.TWO_SELECTORS if shape & HAS_MANAGED_AGENT_KEY else steps.AGENT_ID_SELECTS
    return steps.MANAGED_KEY_SELECTS if shape & HAS_MANAGED_AGENT_KEY else steps.NO_SELECTOR


def platform_confined(shape: int) -> Step:
    """`platform-confined`: the platform names no agent by its id, and learns nothing of the one that it named."""
    return steps.AGENT_ID_GIVEN if shape & HAS_AGENT_ID else steps.NO_AGENT_ID


def platform_ids(shape: int) -> Step:
    """`platform-ids`: a blank id is an error, never "omitted", and so is what no directory can hold as an id."""
    if shape & (BLANK_CLIENT_ID | BLANK_BOT_ID | BLANK_M365_TENANT_ID):
        return steps.BLANK_ID
    return steps.UNUSABLE_ID if shape & (UNUSABLE_BOT_ID | UNUSABLE_M365_TENANT_ID) else steps.IDS_USABLE


def _clauses(is_platform: bool, shape: int) -> Iterator[Step]:
    yield steps.WELL_FORMED
    yield client_id_reserved(is_platform, shape)
    yield one_selector(shape)
    if is_platform:
        yield platform_confined(shape)
        yield platform_ids(shape)


def _warnings(is_platform: bool, shape: int) -> Iterator[WarningCode]:
    if shape & HAS_BOT_ID and not is_platform:
        yield WarningCode.BOT_ID_IGNORED
    if shape & HAS_M365_TENANT_ID and not is_platform:
        yield WarningCode.INBOUND_TENANT_ID_IGNORED
    if shape & HAS_M365_TENANT_ID and is_platform and not shape & HAS_BOT_ID:
        yield WarningCode.INBOUND_TENANT_ID_WITHOUT_BOT_ID
    if shape & HAS_UNKNOWN_FIELDS:
        yield WarningCode.UNKNOWN_FIELD_IGNORED


_BAD_IDS: Final = (
    ("bot_id", BLANK_BOT_ID, well_formed.blank()),
    ("bot_id", UNUSABLE_BOT_ID, well_formed.unusable()),
    ("client_id", BLANK_CLIENT_ID, well_formed.blank()),
    ("inbound_tenant_id", BLANK_M365_TENANT_ID, well_formed.blank()),
    ("inbound_tenant_id", UNUSABLE_M365_TENANT_ID, well_formed.unusable()),
)


def _bad_ids(shape: int) -> Failure[Refusal]:
    return Failure(malformed({name: complaint for name, flag, complaint in _BAD_IDS if shape & flag}))


class _ByShape(dict[int, Admission]):
    """Admissions by shape, each worked out when it is first asked for."""

    def __init__(self, is_platform: bool) -> None:
        self._is_platform = is_platform

    def __missing__(self, shape: int) -> Admission:
        self[shape] = admission = self._work_out(shape)
        return admission

    def _work_out(self, shape: int) -> Admission:
        taken: list[Step] = []
        for step in _clauses(self._is_platform, shape):
            taken.append(step)
            if step.verdict is Verdict.REFUSED:
                return Admission(steps=tuple(taken), failure=step.failure or _bad_ids(shape))
        return Admission(steps=tuple(taken), warnings=tuple(sorted(_warnings(self._is_platform, shape))))


_TO_PLATFORM: Final = _ByShape(is_platform=True)
_TO_OTHERS: Final = _ByShape(is_platform=False)


def admission_of(caller: Caller, request: SessionRequest) -> Admission:
    """Return what admission says to this caller and the shape of this request. Raises `TypeError` on misuse."""
    try:
        return (_TO_PLATFORM if caller.is_platform else _TO_OTHERS)[request.shape]
    except AttributeError as error:
        raise _misuse(caller, request) from error


def _misuse(caller: object, request: object) -> TypeError:
    if not isinstance(caller, Caller):
        return TypeError(f"the caller must be a Caller, and not {type(caller).__name__}")
    kind = type(request).__name__
    return TypeError(f"the request must be a SessionRequest, and not {kind}: parse_session_request makes one of a body")
