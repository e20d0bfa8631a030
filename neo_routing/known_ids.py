"""Ids that recur in many rows: one object for each, and one look at what it must be."""

from __future__ import annotations

from collections.abc import Callable


def each_once(well_formed: Callable[[str], str]) -> Callable[[str], str]:
    """Return what makes the normal form of an id, as this function does, and knows that when it comes again.

    >>> from neo_routing import well_formed
    >>> bot_id = each_once(well_formed.bot_id)
    >>> bot_id("28:HelpDesk"), bot_id("helpdesk") is bot_id("HELPDESK")
    ('helpdesk', True)
    """
    # Each is its own normal form. Spellings are not kept: whoever poisoned those would lead to a wider agent.
    known: dict[str, str] = {}

    def normal_form(spelling: str) -> str:
        found = known.get(spelling) if type(spelling) is str else None  # a subclass may take itself for any text
        if found is None:
            found = well_formed(spelling)
            found = known.setdefault(found, found)
        return found

    return normal_form
