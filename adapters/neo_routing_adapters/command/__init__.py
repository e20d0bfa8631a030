"""`neo-routing`, the command: decide cases from a file, explain one decision, or watch the demonstration."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from neo_routing_adapters.extras import how_to_install


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command, and return its exit status.

    0: done, refusals among the answers included. 1: something was found, by `db check`, `db guard`, `prove`,
    `conformance` or `resolve --expect`. 2: the command line, the directory or the file of cases or records can't be
    used, and nothing was done.
    3: the directory could not answer, or reading or writing failed, midway.
    """
    try:
        from neo_routing_adapters.command.command_line import run  # noqa: PLC0415  # its extra may be missing
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in {"cyclopts", "rich"}:
            raise
        print(f"neo-routing: the command needs more than the library; {how_to_install('cli')}", file=sys.stderr)
        return 2
    return run(sys.argv[1:] if arguments is None else arguments)


__all__ = ["main"]
