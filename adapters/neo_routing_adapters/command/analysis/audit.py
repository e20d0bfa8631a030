"""`neo-routing audit`: what a directory refuses, and what is suspicious in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final

from cyclopts import Parameter

from neo_routing.analysis import Finding, Severity
from neo_routing.analysis import audit as findings_of
from neo_routing_adapters.command.analysis.given_ids import given_id, given_m365_tenant_id
from neo_routing_adapters.command.analysis.known import knows_m365_tenant, missing_rows
from neo_routing_adapters.command.analysis.matters import Matters
from neo_routing_adapters.command.analysis.whole_directory import whole_directory
from neo_routing_adapters.command.failure import FOUND, CommandFailed
from neo_routing_adapters.command.progress import Bar, progress, progress_beside_output
from neo_routing_adapters.json_lines import plain_line
from neo_routing_adapters.phrases import exactly

EXAMPLE: Final = """\
Example, with the directory that "neo-routing demo --save sample" writes:

$ neo-routing audit --directory sample/directory.json --tenant northwind-it"""

_BETWEEN_SHOWS: Final = 10_000


def audit(
    *,
    directory: str,
    tenant: str | None = None,
    m365_tenant: str | None = None,
    every: Annotated[bool, Parameter("--all", negative="", show_default=False)] = False,
    json: Annotated[bool, Parameter(negative="", show_default=False)] = False,
) -> None:
    """Find what is refused because of what the directory holds, and what is suspicious though nothing is refused.

    Every call there can be is looked at. What is about the same rows is told together, with what mends it; nothing is
    offered that would turn a refusal into an unscoped session. The exit status is 1 if there are errors.

    Parameters
    ----------
    directory
        Directory document, .json or .toml, or database, postgresql://user@host/name or sqlite:///file.
    tenant
        Tell what is about this tenant alone: whether an MSP is ready.
    m365_tenant
        Tell what is about this M365 tenant alone, in any spelling: whether a customer's users will be answered.
    every
        Tell as well what white-label channels refuse as they should.
    json
        Write each class of calls that is refused, and each notice, as a JSON object on a line.
    """
    tenant_id, m365_tenant_id = given_id("--tenant", tenant), given_m365_tenant_id("--m365-tenant", m365_tenant)
    rows = whole_directory(directory)
    for missing in missing_rows({"tenant_id": tenant_id}, rows):
        raise CommandFailed(f"--tenant must be one of the directory: {missing}")
    found = findings_of(rows, tenant_id=tenant_id, m365_tenant_id=m365_tenant_id)
    wanted = (each for each in found if every or each.severity is not Severity.EXPECTED)
    is_known = m365_tenant_id is None or knows_m365_tenant(m365_tenant_id, tenant_id, rows)
    refused = _write_lines(wanted) if json else _write_matters(wanted, or_nothing=is_known)
    if not (json or rows.tenants):
        print("the directory has no tenants")
    if not is_known:
        raise CommandFailed(_not_ready(m365_tenant_id, tenant_id), FOUND)
    if refused:
        classes = "1 class of calls is" if refused == 1 else f"{refused:,} classes of calls are"
        raise CommandFailed(f"{classes} refused because of what the directory holds", FOUND)


def _write_lines(findings: Iterator[Finding]) -> int:
    """Write each finding as it is found, and return how many of them are errors."""
    errors = 0
    with progress_beside_output("Auditing") as bar:
        for each in _shown(findings, bar):
            print(plain_line(each.data()))
            errors += each.severity is Severity.ERROR
    return errors


def _write_matters(findings: Iterator[Finding], *, or_nothing: bool) -> int:
    """Write what was found when all is, by matters, or that nothing was; return how many of the findings are errors."""
    matters = Matters()
    with progress("Auditing") as bar:
        for each in _shown(findings, bar):
            matters.note(each)
    if matters or or_nothing:
        matters.write()
    return matters.count(Severity.ERROR)


def _shown(findings: Iterator[Finding], bar: Bar) -> Iterator[Finding]:
    for number, each in enumerate(findings):
        if number % _BETWEEN_SHOWS == 0:
            bar(description=f"Auditing, {number:,} findings")
        yield each


def _not_ready(m365_tenant_id: str | None, tenant_id: str | None) -> str:
    """Say so of a customer that nothing is known of: that nothing is wrong with it is no evidence."""
    whose = "" if tenant_id is None else f" of {exactly(tenant_id)}"
    return (
        f"no white-label channel{whose} is installed for M365 tenant {m365_tenant_id}, and no end-company{whose} is "
        "linked to it: it is not ready"
    )
