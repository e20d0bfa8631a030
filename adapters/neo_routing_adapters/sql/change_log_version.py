"""The versions of the change log: which one a database has, and what helps if it is not the one that is needed.

A log of another version may lack what is looked for in it, so nobody follows by it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypeAlias

from attrs import frozen

LOG: Final = "routing_change"

VERSION_TABLE: Final = "routing_change_version"
"""Where the version is kept: the tables of the directory, and those of the endpoint, have others."""

VERSIONS: Final = ("0001",)
"""All that there have been. Whatever changes in the log, or in what writes it, brings another one."""

_LOCK: Final = 0x6E656F5F6C6F6773  # "neo_logs"; whoever locks this number makes or drops the log
KEEP_OTHERS_OUT: Final = f"SELECT pg_advisory_xact_lock({_LOCK})"
"""A statement: until the transaction ends, nobody else makes or drops the log."""

_THERE: Final = f"SELECT to_regclass('{LOG}') IS NOT NULL, to_regclass('{VERSION_TABLE}') IS NOT NULL"
_VERSION: Final = f"SELECT string_agg(version_num, ', ') FROM {VERSION_TABLE}"  # noqa: S608  # our own name

_IS_NO_OTHER: Final = """
DO $routing$
DECLARE
    version text;
BEGIN
    PERFORM pg_advisory_xact_lock({lock});
    IF to_regclass('{in_quotes}.{table}') IS NOT NULL THEN
        SELECT string_agg(version_num, ', ') INTO version FROM {schema}.{table};
    END IF;
    IF version <> '{needed}' OR version IS NULL AND to_regclass('{in_quotes}.{log}') IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'the change log is of ' || COALESCE('version ' || version, 'no version')
                || ', and this makes version {needed}',
            HINT = 'If that is older, run neo-routing db follow uninstall, and each script anew. '
                || 'If it is newer, print this script with a newer neo_routing.';
    END IF;
END
$routing$"""
_STAMP: Final = """
CREATE TABLE IF NOT EXISTS {schema}.{table} (version_num varchar(32) PRIMARY KEY);
INSERT INTO {schema}.{table} VALUES ('{needed}') ON CONFLICT DO NOTHING"""

Ask: TypeAlias = Callable[[str], Sequence[Any]]
"""Runs a statement, and returns the first row of its answer."""


def newest() -> str:
    """Return the version that is needed."""
    return VERSIONS[-1]


@frozen
class FoundLog:
    """The change log that is found in a database, if any is."""

    is_there: bool
    version: str | None
    """Nothing, too, if it was made before there were versions."""

    @property
    def is_unknown(self) -> bool:
        """Whether this library knows nothing of its version: most likely a newer library made it."""
        return self.version is not None and self.version not in VERSIONS

    @property
    def fault(self) -> str | None:
        """Why nobody can follow by it, and what helps; nothing if it is of the version that is needed."""
        if self.is_unknown:
            return (
                f"the change log is of version {self.version}, which this version of neo_routing does not know: "
                "take the one that made it, or a newer one"
            )
        if not self.is_there:
            return "there is no change log: run neo-routing db follow install"
        if self.version != newest():
            version = f"version {self.version}" if self.version else "no version"
            return (
                f"the change log is of {version}, and {newest()} is needed: run neo-routing db follow install, "
                "or for tables of your own neo-routing db follow uninstall, and their scripts anew"
            )
        return None


def found_log(ask: Ask) -> FoundLog:
    """Return the log that is found by the search path of a connection."""
    is_there, has_version = ask(_THERE)
    [version] = ask(_VERSION) if has_version else (None,)
    return FoundLog(is_there, version)


def require_no_other(schema: str) -> str:
    """Return what raises an error if a log of another version stands in a quoted schema, and keeps others from it."""
    return _IS_NO_OTHER.format(
        schema=schema,
        in_quotes=schema.replace("'", "''"),
        log=LOG,
        table=VERSION_TABLE,
        needed=newest(),
        lock=_LOCK,
    ).strip()


def stamp(schema: str) -> Iterator[str]:
    """Yield what notes the version of a log that was made now."""
    yield from _STAMP.format(schema=schema, table=VERSION_TABLE, needed=newest()).strip().split(";\n")
