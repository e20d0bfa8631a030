"""The audit of a directory: what it refuses, and what is suspicious in it."""

from __future__ import annotations

from collections.abc import Iterator

from neo_routing.analysis.analysed import Analysed, Directory, analysed
from neo_routing.analysis.finding import Finding
from neo_routing.analysis.refused import Refused
from neo_routing.analysis.suspicious import suspicious


def audit(
    directory: Directory, *, tenant_id: str | None = None, m365_tenant_id: str | None = None
) -> Iterator[Finding]:
    """Yield what is refused because of what a whole directory holds, then what is suspicious though nothing is refused.

    A class is refused for the directory's sake, by one of the 409s or for want of a managed agent at a tenant that is
    there, if and only if an `ERROR` names it. What white-label channels refuse as they should is `EXPECTED`. A tenant
    id keeps what is about that tenant, an M365 tenant id, in normal form, what is about that M365 tenant. Raises
    `ValueError` for a slice.

    >>> from neo_routing import Tenant, content_of
    >>> finding = next(audit(content_of(tenants=[Tenant(id="msp-a")])))
    >>> str(finding.severity), str(finding.clause), str(finding.reason), finding.subject.tenant_ids
    ('error', 'neo-support', 'agent_missing', ('msp-a',))
    >>> finding.request_class.words
    'the platform for msp-a, client_id absent, without a bot, without an M365 tenant'
    """
    found = _findings(analysed(directory))
    if tenant_id is not None:
        found = (each for each in found if tenant_id in each.subject.tenant_ids)
    if m365_tenant_id is not None:
        found = (each for each in found if each.is_about_m365_tenant(m365_tenant_id))
    return found


def _findings(directory: Analysed) -> Iterator[Finding]:
    refused = Refused(directory)
    yield from refused.findings()
    yield from suspicious(directory, refused.reached)
