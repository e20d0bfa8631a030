"""The harness that proves an adapter, a host or another implementation right.

`World` and `Relation` need nothing but the library; the strategies need Hypothesis, and the contracts pytest as well:
both come with the extra `testing`. So those names are imported when they are asked for.

>>> from neo_routing.testing import World
>>> len(World().content)
0
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from neo_routing.testing.relations import Relation
from neo_routing.testing.world import World

if TYPE_CHECKING:
    from neo_routing.testing.contract import AsyncSessionDirectoryContract, SessionDirectoryContract
    from neo_routing.testing.strategies import bodies, callers, cases, directories, session_requests

__all__ = [
    "AsyncSessionDirectoryContract",
    "Relation",
    "SessionDirectoryContract",
    "World",
    "bodies",
    "callers",
    "cases",
    "directories",
    "session_requests",
]

_WITH_EXTRA: Final = {
    "AsyncSessionDirectoryContract": "contract",
    "SessionDirectoryContract": "contract",
    "bodies": "strategies",
    "callers": "strategies",
    "cases": "strategies",
    "directories": "strategies",
    "session_requests": "strategies",
}


def __getattr__(name: str) -> Any:
    if name not in _WITH_EXTRA:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WITH_EXTRA[name]}"), name)
