"""`neo-routing serve`: the endpoint, running, with a sample or with a directory of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Parameter

from neo_routing.printable import printable
from neo_routing_adapters.command.failure import CommandFailed
from neo_routing_adapters.command.serve.settings_given import Flags, given_settings
from neo_routing_adapters.extras import how_to_install

EXAMPLE: Final = """\
Examples:

$ neo-routing serve
$ neo-routing serve --directory postgresql://user@host/name --key-peppers-file peppers.txt --workers 4"""

_OF_HTTP: Final = frozenset({"cryptography", "jwt", "limits", "msgspec", "starlette", "uvicorn"})
_OF_SQL: Final = frozenset({"aiosqlite", "alembic", "greenlet", "sqlalchemy"})
_NO_FLAGS: Final[Any] = Flags()


def serve(
    *,
    flags: Annotated[Flags, Parameter(name="*")] = _NO_FLAGS,  # type: ignore[valid-type]  # made of the settings
    settings: Annotated[Path | None, Parameter(show_default=False)] = None,
    json: Annotated[bool, Parameter(negative="", show_default=False)] = False,
    print_settings: Annotated[bool, Parameter(negative="", show_default=False)] = False,
) -> None:
    """Answer calls for chat sessions, until it is interrupted.

    With nothing said it answers on this machine, with the sample, and shows a
    call that works. An option may be a variable instead, --rate-limit-tenant as
    NEO_ROUTING_RATE_LIMIT_TENANT, or a line of a TOML file, rate_limit_tenant = 9.
    Secrets come from NEO_ROUTING_KEY_PEPPERS and NEO_ROUTING_IDEMPOTENCY_SECRET,
    or from files.

    Parameters
    ----------
    settings
        TOML file with settings; if left out, NEO_ROUTING_SETTINGS may name one.
    json
        Once it answers, write one line on standard output, a JSON object with url, platform_key and tenant_keys.
    print_settings
        Write the settings and where each comes from, secrets as ***, and start nothing.
    """
    given = given_settings(flags, settings)
    if print_settings:
        print("\n".join(map(printable, given.lines())))
        return
    try:
        from neo_routing_adapters.command.serve.start import start
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in _OF_HTTP | _OF_SQL:
            raise
        raise CommandFailed(f"serve needs more than the command; {how_to_install('http,sql')}") from missing
    start(given, as_json=json)
