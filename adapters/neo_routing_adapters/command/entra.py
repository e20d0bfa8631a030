"""`neo-routing entra`: which tenant the users of an M365 tenant belong to."""

from __future__ import annotations

import json as json_
import sys
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import App, Parameter
from rich.table import Table
from rich.text import Text

from neo_routing import well_formed
from neo_routing.printable import printable
from neo_routing_adapters.command.credentials_opened import credentials_at
from neo_routing_adapters.command.failure import CommandFailed
from neo_routing_adapters.command.key_report import moment
from neo_routing_adapters.command.terminal import show_whole_lines
from neo_routing_adapters.command.unknown_tenant import is_unknown, tell_of_unknown

if TYPE_CHECKING:
    from neo_routing_adapters.http.links import EntraLink

_URL: Final = "sqlite:///sessions.sqlite"
_M365_TENANT: Final = "9b1d2c3e-4f50-4a6b-8c7d-0e1f2a3b4c5d"
_EXAMPLE: Final = "Example:\n\n$ neo-routing entra"
_Json = Annotated[bool, Parameter(negative="", show_default=False)]


def app() -> App:
    """Return the commands on links of Entra."""
    commands = App(name="entra", help="Say which tenant the users of an M365 tenant belong to.")
    linking = f"{_EXAMPLE} link {_URL} {_M365_TENANT} northwind-it"
    commands.command(App(name="link", default_command=link, help_epilogue=linking))
    unlinking = f"{_EXAMPLE} unlink {_URL} {_M365_TENANT}"
    commands.command(App(name="unlink", default_command=unlink, help_epilogue=unlinking))
    commands.command(App(name="list", default_command=list_, help_epilogue=f"{_EXAMPLE} list {_URL}"))
    return commands


def link(url: str, m365_tenant_id: str, tenant: str, /, *, json: _Json = False) -> None:
    """Let the users of an M365 tenant call as users of a tenant.

    An M365 tenant belongs to one tenant: to give it to another, unlink it first.

    Parameters
    ----------
    url
        Database with the links, postgresql://user@host/name or sqlite:///file.
    m365_tenant_id
        The M365 tenant: tid of the users' tokens, a GUID.
    tenant
        The tenant that they belong to.
    json
        Write the link as a JSON object.
    """
    with credentials_at(url) as connection:
        from neo_routing_adapters.http.api_keys import utc_now
        from neo_routing_adapters.http.credentials_kept import LinkedToAnother, add_link
        from neo_routing_adapters.http.links import EntraLink

        try:
            made = EntraLink(m365_tenant_id=_guid(m365_tenant_id), tenant_id=tenant, created_at=utc_now())
            kept = add_link(connection, made)
            unknown = is_unknown(connection, kept.tenant_id)
        except LinkedToAnother as error:
            raise CommandFailed(f"{error}: unlink it first") from error
        except ValueError as error:
            raise CommandFailed(f"the tenant's id {error}") from error
    if json:
        print(json_.dumps(_data(kept)))
    elif kept is made:
        print(printable(f"linked {kept.m365_tenant_id} to {kept.tenant_id}"))
    else:
        print(printable(f"{kept.m365_tenant_id} was linked to {kept.tenant_id} before"))
    if unknown:
        tell_of_unknown(kept.tenant_id)


def unlink(url: str, m365_tenant_id: str, /, *, json: _Json = False) -> None:
    """Let the users of an M365 tenant call no more.

    Parameters
    ----------
    url
        Database with the links, postgresql://user@host/name or sqlite:///file.
    m365_tenant_id
        The M365 tenant.
    json
        Write the link that was there as a JSON object.
    """
    with credentials_at(url) as connection:
        from neo_routing_adapters.http.credentials_kept import remove_link

        gone = remove_link(connection, _guid(m365_tenant_id))
    if gone is None:
        raise CommandFailed(f"{_guid(m365_tenant_id)} is linked to no tenant")
    print(json_.dumps(_data(gone)) if json else printable(f"unlinked {gone.m365_tenant_id} from {gone.tenant_id}"))


def list_(url: str, /, *, tenant: str | None = None, json: _Json = False) -> None:
    """List which M365 tenants are linked to which tenants.

    Parameters
    ----------
    url
        Database with the links, postgresql://user@host/name or sqlite:///file.
    tenant
        Only the links of this tenant.
    json
        Write a JSON object on a line for each.
    """
    with credentials_at(url) as connection:
        from neo_routing_adapters.http.credentials_kept import links_in

        found = links_in(connection, tenant_id=tenant)
    if json:
        for each in found:
            print(json_.dumps(_data(each)))
        return
    table = Table("M365 tenant", "tenant", "since", box=None)
    for each in found:
        table.add_row(*(Text(printable(str(cell))) for cell in _data(each).values()))
    show_whole_lines(table, sys.stdout)


def _data(link: EntraLink) -> dict[str, Any]:
    return {
        "m365_tenant_id": link.m365_tenant_id,
        "tenant_id": link.tenant_id,
        "created_at": moment(link.created_at),
    }


def _guid(text: str) -> str:
    """Accept the GUID of an M365 tenant in any spelling: tokens have its GUID, and never its domain."""
    from neo_routing_adapters.http.entra_claims import is_guid

    try:
        normal = well_formed.m365_tenant_id(text)
    except ValueError as error:
        raise CommandFailed(f"the M365 tenant's id {error}") from error
    if not is_guid(normal):
        raise CommandFailed("the M365 tenant's id must be a GUID: the one that its tokens have as tid")
    return normal
