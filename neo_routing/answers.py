"""The answers that routing comes to, each made once and remembered.

They are frozen, so equal ones may be the same object, and to make one takes longer than to decide on it.
"""

from __future__ import annotations

from functools import lru_cache

from returns.result import Failure, Success

from neo_routing import messages, steps
from neo_routing.findings import Answer
from neo_routing.step import Step
from neo_routing.target import Outcome, SessionTarget


# So many take 17 MB and a garbage collection of 25 ms at the most.
@lru_cache(maxsize=32768)
def session(
    outcome: Outcome,
    tenant_id: str,
    agent_id: int,
    channel_id: str | None = None,
    end_company_id: str | None = None,
    show_agent_progress_steps: bool | None = None,
) -> Answer:
    """Answer with a session."""
    return Success(
        SessionTarget(
            outcome=outcome,
            tenant_id=tenant_id,
            agent_id=agent_id,
            channel_id=channel_id,
            end_company_id=end_company_id,
            show_agent_progress_steps=show_agent_progress_steps,
        )
    )


@lru_cache(maxsize=1024)
def not_mapped(step: Step, m365_tenant_id: str) -> Answer:
    """Refuse because the M365 tenant is linked to no end-company, or to several."""
    if step is steps.NO_COMPANY_LINKED:
        return Failure(messages.no_company_linked(m365_tenant_id))
    return Failure(messages.several_companies_linked(m365_tenant_id))
