"""What a step of a decision is: a clause, its verdict and the reason; and the families that some clauses share."""

from __future__ import annotations

from attrs import field, frozen
from returns.result import Failure

from neo_routing.clauses import Clause, Reason, Verdict
from neo_routing.directory import ChannelStatus
from neo_routing.refusals import Refusal, RefusalCode


@frozen(eq=False)  # one object for each
class Step:
    """A clause, what it had to say, and why.

    `code` is what a refusing step refuses with; `failure` is that refusal, made once and shared, unless its message
    depends on the request. `status` is that of the channels that a step turned on.
    """

    clause: Clause
    verdict: Verdict
    reason: Reason
    code: RefusalCode | None = None
    failure: Failure[Refusal] | None = field(default=None, repr=False)
    status: ChannelStatus | None = field(default=None, kw_only=True)


@frozen(eq=False, kw_only=True)
class AgentSteps:
    """What a clause says of an agent that it has the id of."""

    available: Step
    missing: Step
    foreign: Step
    triggered: Step


@frozen(eq=False, kw_only=True)
class ManagedAgentSteps:
    """What a clause says of the agents that carry a managed key."""

    available: Step
    missing: Step
    several: Step
    triggered: Step
