"""A whole directory as it is analysed: its rows, and ids that stand nowhere in it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TypeAlias

from attrs import frozen

from neo_routing.analysis.nowhere import Nowhere, nowhere_in
from neo_routing.content import HeldRows, require_whole
from neo_routing.rows import Rows

Directory: TypeAlias = Rows | HeldRows
"""A whole directory: its content as a value, or what holds that."""


@frozen(eq=False, repr=False)
class Analysed:
    """A whole directory, and the ids that stand for any other in what is told of it."""

    rows: Rows
    nowhere: Nowhere

    @cached_property
    def usual_agents(self) -> Mapping[str, int]:
        """Owner: its conversational agent with the smallest id, of those without a managed key."""
        rows = self.rows
        managed = {
            agent_id for by_owner in rows.managed_agents.values() for ids in by_owner.values() for agent_id in ids
        }
        found: dict[str, int] = {}
        for agent_id, owner_id in rows.conversational_agents.items():
            if agent_id not in managed and agent_id < found.get(owner_id, agent_id + 1):
                found[owner_id] = agent_id
        return found


def analysed(directory: Directory) -> Analysed:
    """Return a directory so that it can be analysed. Raises what `require_whole` does.

    >>> from neo_routing import content_of
    >>> analysed(content_of()).nowhere.bot_id
    'any-other-bot'
    """
    rows = content_to_analyse(directory)
    return Analysed(rows, nowhere_in(rows))


def content_to_analyse(directory: Directory) -> Rows:
    """Return the rows of a whole directory. Raises what `require_whole` does."""
    rows = directory.content if isinstance(directory, HeldRows) else directory
    require_whole(rows)
    return rows
