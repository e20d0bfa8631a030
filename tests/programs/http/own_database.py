"""A database of one's own for the server, made by the commands that the documentation names."""

from __future__ import annotations

from neo_routing_adapters.command import main
from tests.programs.http import entra_world


def make_own_database(url: str) -> None:
    """Make all tables, fill them with the sample, which is written to the working folder, and link an M365 tenant."""
    for words in (
        ["demo", "--save", "sample"],
        ["db", "upgrade", url],
        ["db", "import", url, "sample/directory.json"],
        ["sessions", "upgrade", url],
        ["entra", "link", url, entra_world.TID, "bluepeak-cloud"],
    ):
        assert main(words) == 0
