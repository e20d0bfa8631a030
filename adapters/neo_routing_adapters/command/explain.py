"""`neo-routing explain`: one decision, told to a person."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from neo_routing_adapters.command.explain_case import explain_case
from neo_routing_adapters.command.explain_record import explain_record
from neo_routing_adapters.command.failure import CommandFailed
from neo_routing_adapters.command.readers import ReaderName
from neo_routing_adapters.json_lines import integer_or_text

EXAMPLE: Final = """\
Example, with the directory that "neo-routing demo --save sample" writes:

$ neo-routing explain --directory sample/directory.json \\
    --caller user:northwind-it --agent-id 1003"""


def explain(  # noqa: PLR0913  # an option of the command line each
    *,
    directory: str | None = None,
    caller: Annotated[str | None, Parameter(metavar="KIND:TENANT")] = None,
    client_id: str | None = None,
    bot_id: str | None = None,
    inbound_tenant_id: str | None = None,
    managed_agent_key: str | None = None,
    agent_id: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    title: str | None = None,
    record: Annotated[Path | None, Parameter(allow_leading_hyphen=True)] = None,
    record_id: Annotated[str | None, Parameter("--id")] = None,
    reader: Annotated[ReaderName | None, Parameter("--for")] = None,
    account: str | None = None,
    json: Annotated[bool, Parameter(negative="", show_default=False)] = False,
) -> None:
    """Decide one case and tell how.

    Every step is told, with what came nearest where it found nothing, the answer, what can be done and the warnings.
    That is for operators: a refused caller must not see it. Others are told what they may see, by --for.

    Parameters
    ----------
    directory
        Directory document, .json or .toml, or database, postgresql://user@host/name or sqlite:///file.
    caller
        Who asks; KIND is platform, service_account or user.
    client_id
        The tenant that the platform acts for.
    bot_id
        The bot that was written to.
    inbound_tenant_id
        The M365 tenant that the message comes from.
    managed_agent_key
        The stable name of the agent, NEO_SUPPORT.
    agent_id
        The number of the agent.
    title
        The title of the session.
    record
        Instead: a file with the record of a decision, or -; decide again on its rows if no directory is given.
    record_id
        Which record is meant, of a file with one on each line.
    reader
        Who will read it: the user who called, the administrator of the account, or an operator.
    account
        The tenant whose administrator will read it.
    json
        Write the line that resolve --explain would write; of a record without a directory, what was recorded. With
        --for, write what that reader may see.
    """
    given = {
        "agent_id": None if agent_id is None else integer_or_text(agent_id),
        "managed_agent_key": managed_agent_key,
        "bot_id": bot_id,
        "client_id": client_id,
        "inbound_tenant_id": inbound_tenant_id,
        "title": title,
    }
    if record is not None:
        if any(value is not None for value in (caller, *given.values())):
            raise CommandFailed("a record says who asks, and for what: give nothing of that beside --record")
        if reader is not None or account is not None:
            raise CommandFailed("a record is told to operators: give neither --for nor --account beside --record")
        explain_record(record, record_id, directory, json=json)
        return
    if record_id is not None:
        raise CommandFailed("--id is that of a record: give its file by --record")
    if directory is None or caller is None:
        missing = "--directory" if directory is None else "--caller"
        raise CommandFailed(f"{missing} is required, unless --record gives a decision that was recorded")
    body = {name: value for name, value in given.items() if value is not None}
    explain_case(caller, body, directory, reader, account, json=json)
