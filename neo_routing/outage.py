"""A case on which there is no decision, because the directory could not answer."""

from __future__ import annotations

from datetime import datetime

from attrs import field, frozen
from attrs.converters import optional

from neo_routing import well_formed
from neo_routing.caller import Caller
from neo_routing.complaints import naming_its_fields
from neo_routing.port import DirectoryUnavailable
from neo_routing.raised import cause_of, said
from neo_routing.record import aware_time, caller_itself, without_title
from neo_routing.request import SessionRequest


@frozen(kw_only=True, eq=False, field_transformer=naming_its_fields)
class Outage:
    """A case on which there is no decision: who asked, for what, and what the directory raised.

    `id` and `time`, an aware datetime, are the host's. The title of the request is masked, as in a record. There is no
    request if the body was malformed, and came in a batch with others. Raises `ValueError` on another id or time.
    Who keeps the error keeps what its traceback holds on to.
    """

    id: str = field(converter=well_formed.identifier)
    time: datetime = field(converter=aware_time)
    caller: Caller = field(converter=caller_itself)
    request: SessionRequest | None = field(converter=optional(without_title))
    error: DirectoryUnavailable


def outage_on(
    caller: Caller,
    request: SessionRequest | None,
    error: DirectoryUnavailable,
    *,
    id: str,  # noqa: A002  # its name in the outage
    time: datetime,
) -> Outage:
    """Make the outage that a hook is told of, with an error of its own: the host gets what the directory raised.

    That is a `DirectoryUnavailable` with the words and the cause of the other, whatever class that is of.
    """
    told = DirectoryUnavailable(said(lambda: str(error)))
    told.__cause__ = cause_of(error)
    return Outage(id=id, time=time, caller=caller, request=request, error=told)
