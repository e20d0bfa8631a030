"""The command line: its commands, and how each of them may end."""

from __future__ import annotations

import io
import os
import shlex
import sys
from collections.abc import Sequence
from typing import Final

from cyclopts import App, CycloptsError, MissingArgumentError, UnusedCliTokensError

from neo_routing import DirectoryUnavailable, __version__
from neo_routing.printable import printable
from neo_routing_adapters.command import conformance, database, demo, entra, explain, keys, prove, resolve, sessions
from neo_routing_adapters.command.analysis import audit, diff, reach
from neo_routing_adapters.command.failure import MIDWAY, UNUSABLE, CommandFailed
from neo_routing_adapters.command.secrets import keeping_secrets_of, without_secrets
from neo_routing_adapters.command.serve import command as serving
from neo_routing_adapters.command.terminal import console

# What a shell reports for a program that the signal ended.
_INTERRUPTED: Final = 130
_READER_GONE: Final = 141


def run(arguments: Sequence[str]) -> int:
    """Run one command, and return its exit status; errors are told on standard error, without a traceback."""
    if sys.stdout is None:
        return _complain("standard output is closed", UNUSABLE)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    with keeping_secrets_of(arguments):
        return _run_to_an_end(arguments)


def _run_to_an_end(arguments: Sequence[str]) -> int:
    try:
        status = _run(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        _abandon_output()
        return _READER_GONE
    except OSError as error:
        _abandon_output()
        return _complain(f"cannot write: {printable(error.strerror or str(error))}", MIDWAY)
    return status


def _run(arguments: Sequence[str]) -> int:
    try:
        _app()(list(arguments))
    except CycloptsError as error:
        return _complain(printable(" ".join(without_secrets(_misuse(error)).split())) + " Try --help.", UNUSABLE)
    except CommandFailed as failed:
        sys.stdout.flush()  # what was found comes before what that comes to, where both go to one place
        return _complain(str(failed), failed.status)
    except DirectoryUnavailable as unavailable:
        return _complain(printable(str(unavailable)), MIDWAY)
    return 0


def _misuse(error: CycloptsError) -> str:
    if isinstance(error, UnusedCliTokensError):
        return f"Not expected here: {shlex.join(error.unused_tokens or ())}."
    if isinstance(error, MissingArgumentError) and error.keyword is None:
        return str(error).replace("requires an argument", "is required")
    return str(error)


def _app() -> App:
    app = App(
        name="neo-routing",
        help="Decide which agent answers a chat session, as which tenant and in which scope, or why not.",
        help_epilogue="Example, which needs no file:\n\n$ neo-routing demo",
        help_format="plaintext",
        help_formatter="plain",
        version=__version__,
        console=console(sys.stdout),
        exit_on_error=False,
        print_error=False,
        suppress_keyboard_interrupt=False,
        result_action="return_value",
    )
    app.command(App(name="resolve", default_command=resolve.resolve, help_epilogue=resolve.EXAMPLE))
    app.command(App(name="explain", default_command=explain.explain, help_epilogue=explain.EXAMPLE))
    app.command(App(name="audit", default_command=audit.audit, help_epilogue=audit.EXAMPLE))
    app.command(App(name="diff", default_command=diff.diff, help_epilogue=diff.EXAMPLE))
    app.command(App(name="reach", default_command=reach.reach, help_epilogue=reach.EXAMPLE))
    app.command(App(name="demo", default_command=demo.demo, help_epilogue=demo.EXAMPLE))
    app.command(App(name="serve", default_command=serving.serve, help_epilogue=serving.EXAMPLE))
    app.command(App(name="prove", default_command=prove.prove, help_epilogue=prove.EXAMPLE))
    app.command(App(name="conformance", default_command=conformance.conformance, help_epilogue=conformance.EXAMPLE))
    app.command(database.app())
    app.command(sessions.app())
    app.command(keys.app())
    app.command(entra.app())
    return app


def _complain(message: str, status: int) -> int:
    if sys.stderr is not None:
        print(f"neo-routing: {without_secrets(message)}", file=sys.stderr)
    return status


def _abandon_output() -> None:
    """Let what could not be written go nowhere, so that the interpreter does not try again when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
