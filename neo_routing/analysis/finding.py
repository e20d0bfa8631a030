"""What an audit finds: a class that is refused because of what the directory holds, or something suspicious."""

from __future__ import annotations

from typing import Any, NamedTuple

from neo_routing.analysis.remedies import remedies_of
from neo_routing.analysis.remedy import Remedy
from neo_routing.analysis.representatives import asked, caller_of
from neo_routing.analysis.request_class import RequestClass
from neo_routing.analysis.subject import Severity, Subject, Suspicion
from neo_routing.caller import CallerKind
from neo_routing.clauses import Clause, Reason


class Finding(NamedTuple):
    """A class that is refused because of what the directory holds, or one that something suspicious bears on."""

    severity: Severity
    subject: Subject
    """What it is about: findings of one subject, clause and reason are one matter to whoever mends it."""
    clause: Clause
    """The clause that refuses, or that it bears on."""
    reason: Reason | Suspicion
    request_class: RequestClass

    @property
    def refused(self) -> bool:
        """Whether the class is refused, and not only suspicious."""
        return self.severity is not Severity.NOTICE

    @property
    def remedies(self) -> tuple[Remedy, ...]:
        """Ways to mend it, of those that lead to no unscoped session; worked out anew at each call."""
        if self.severity is not Severity.ERROR or isinstance(self.reason, Suspicion):
            return ()
        return remedies_of(self.subject, self.clause, self.reason, self.request_class.directory)

    def is_about_m365_tenant(self, m365_tenant_id: str) -> bool:
        """Tell whether it is about this M365 tenant, whose id must be in normal form.

        What is refused of any M365 tenant's calls is about those that the target has linked: they are its clients.
        """
        is_named = m365_tenant_id in (*self.subject.m365_tenant_ids, self.request_class.calls.m365_tenant_id)
        return is_named or (self.refused and self._has_calls_of_client(m365_tenant_id))

    def _has_calls_of_client(self, m365_tenant_id: str) -> bool:
        calls, links = self.request_class.calls, self.request_class.directory.rows.end_companies
        target_id, bot_id = calls.tenant_id, calls.bot_id
        if target_id is None or bot_id is None or (target_id, m365_tenant_id) not in links:
            return False
        caller = caller_of(CallerKind.PLATFORM, target_id)
        return self.request_class.holds(caller, asked(target_id, bot_id, m365_tenant_id))

    def data(self) -> dict[str, Any]:
        """Return the finding as plain data, made anew; without the effects of its remedies, which take long."""
        return {
            "severity": str(self.severity),
            "refused": self.refused,
            "clause": str(self.clause),
            "reason": str(self.reason),
            "subject": self.subject.data(),
            "request_class": self.request_class.data(),
            "remedies": [remedy.data() for remedy in self.remedies],
        }
