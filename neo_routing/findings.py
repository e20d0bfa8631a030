"""What the clauses note down while they decide: a step each, with what it sought and what it turned on.

These are plain tuples, because a decision makes up to five of them in a microsecond. What an operator reads is made of
them when somebody asks for it: see `neo_routing.trace`.
"""

from __future__ import annotations

from typing import TypeAlias

from returns.result import Result

from neo_routing.directory import ManagedAgentKey
from neo_routing.refusals import Refusal
from neo_routing.rows import ChannelRow
from neo_routing.step import Step
from neo_routing.target import SessionTarget
from neo_routing.warning_codes import WarningCode

AgentFinding: TypeAlias = tuple[Step, str, int | ManagedAgentKey, tuple[int, ...]]
"""A step; the owner, and the id or key, by which it sought an agent; the ids of the agents that it turned on."""
ChannelFinding: TypeAlias = tuple[Step, str | None, str | None, tuple[ChannelRow, ...]]
"""A step; the two ids by which it sought channels; the channels that it turned on, which are of the step's status."""
EndCompanyFinding: TypeAlias = tuple[Step, str, str | None, tuple[str, ...]]
"""A step; the owner, and the M365 tenant, by which it sought companies; the ids of those that it turned on."""
Finding: TypeAlias = AgentFinding | ChannelFinding | EndCompanyFinding

Answer: TypeAlias = Result[SessionTarget, Refusal]
Routing: TypeAlias = tuple[Answer, tuple[WarningCode, ...], tuple[Finding, ...]]
"""An answer, the warnings given on the way, and the findings that led there."""
