"""`neo-routing reach`: who arrives where, over every call there can be."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Annotated, Final

from attrs import asdict, frozen
from cyclopts import Parameter
from rich.padding import Padding
from rich.text import Text

from neo_routing import Rows
from neo_routing.analysis import Arrival
from neo_routing.analysis import reach as arrivals_at
from neo_routing_adapters.command.analysis.given_ids import given_bot_id, given_id, given_m365_tenant_id
from neo_routing_adapters.command.analysis.known import missing_rows
from neo_routing_adapters.command.analysis.spoken import answer_words
from neo_routing_adapters.command.analysis.whole_directory import whole_directory
from neo_routing_adapters.command.failure import CommandFailed
from neo_routing_adapters.command.progress import progress_beside_output
from neo_routing_adapters.command.terminal import show_whole_lines
from neo_routing_adapters.json_lines import plain_line

EXAMPLE: Final = """\
Example, with the directory that "neo-routing demo --save sample" writes:

$ neo-routing reach --directory sample/directory.json --agent 1002"""


def reach(  # an option of the command line each
    *,
    directory: str,
    agent: int | None = None,
    end_company: str | None = None,
    tenant: str | None = None,
    channel: str | None = None,
    bot: str | None = None,
    m365_tenant: str | None = None,
    limit: int | None = None,
    json: Annotated[bool, Parameter(negative="", show_default=False)] = False,
) -> None:
    """Tell every class of calls that arrives at an agent, an end-company, a tenant or a channel, and in which scope.

    Of a bot and an M365 tenant, tell every answer that their calls can get. Nothing is left out, unless by --limit.

    Parameters
    ----------
    directory
        Directory document, .json or .toml, or database, postgresql://user@host/name or sqlite:///file.
    agent
        The number of the agent that answers.
    end_company
        The end-company in whose scope the session is.
    tenant
        The tenant as which the agent answers.
    channel
        The channel that the session is on.
    bot
        The bot that was written to, in any spelling.
    m365_tenant
        The M365 tenant that the message comes from, in any spelling.
    limit
        Tell no more classes than this, and say so if there are more.
    json
        Write each class and its decision as a JSON object on a line.
    """
    wanted = Wanted(
        agent_id=agent,
        end_company_id=given_id("--end-company", end_company),
        tenant_id=given_id("--tenant", tenant),
        channel_id=given_id("--channel", channel),
        bot_id=given_bot_id("--bot", bot),
        m365_tenant_id=given_m365_tenant_id("--m365-tenant", m365_tenant),
    )
    if wanted == Wanted():
        raise CommandFailed("say where: --agent, --end-company, --tenant, --channel, --bot or --m365-tenant")
    if limit is not None and limit < 1:
        raise CommandFailed("--limit must be at least 1")
    rows = whole_directory(directory)
    with progress_beside_output("Looking who arrives there"):
        _tell(arrivals_at(rows, **asdict(wanted)), limit, rows, wanted, json=json)


@frozen(kw_only=True)
class Wanted:
    """Where it is, or about which bot and M365 tenant; what is `None` may be anything."""

    agent_id: int | None = None
    end_company_id: str | None = None
    tenant_id: str | None = None
    channel_id: str | None = None
    bot_id: str | None = None
    m365_tenant_id: str | None = None


def _tell(arrivals: Iterator[Arrival], limit: int | None, rows: Rows, wanted: Wanted, *, json: bool) -> None:
    told, is_cut_off = 0, False
    for arrival in arrivals:
        if told == limit:
            is_cut_off = True
            break
        _write(arrival, json=json)
        told += 1
    if json:
        if is_cut_off:
            print(plain_line({"cut_off_after": limit}))
        return
    for line in _summary(told, missing_rows(asdict(wanted), rows), is_cut_off=is_cut_off):
        print(line)


def _write(arrival: Arrival, *, json: bool) -> None:
    if json:
        print(plain_line(arrival.data()))
        return
    show_whole_lines(Text(arrival.request_class.words), sys.stdout)
    show_whole_lines(Padding(answer_words(arrival.decision), (0, 0, 0, 2)), sys.stdout)


def _summary(told: int, missing: Iterable[str], *, is_cut_off: bool) -> Iterator[str]:
    if is_cut_off:
        yield f"cut off after {told:,}, as --limit says: there are more"
    elif told:
        yield f"{told:,} {'class' if told == 1 else 'classes'} of calls, and no other"
    else:
        yield "nobody"
    yield from missing
