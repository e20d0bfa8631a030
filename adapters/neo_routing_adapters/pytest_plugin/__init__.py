"""For tests of a host: a world and its directory as fixtures, and failed comparisons of decisions in words.

The plugin loads in every run of pytest where the library is installed, so it imports nothing of the library before
somebody asks for a fixture, or compares decisions in vain.
"""

from __future__ import annotations

import sys
from importlib import resources
from os import PathLike
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from neo_routing import HeldRows
    from neo_routing.testing.world import World

_MARKER_USAGE: Final = (
    "The marker routing_world takes the path of one directory document and nothing else: "
    'write @pytest.mark.routing_world("worlds/one-msp.toml").'
)


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers",
        "routing_world(path): take `routing_world` and `routing_directory` from this directory document, "
        "a JSON or TOML file; the path is relative to pytest's rootdir.",
    )


@pytest.fixture
def routing_world(request: pytest.FixtureRequest) -> World:
    """The rows of a directory: those of the document that the marker `routing_world` names, or else the sample's.

    Define a fixture of this name to have another world in a module or in a folder.
    """
    from neo_routing.testing.world import World  # noqa: PLC0415  # see the module's docstring
    from neo_routing_adapters.memory import read_directory  # noqa: PLC0415

    marker = request.node.get_closest_marker("routing_world")
    if marker is None:
        with resources.as_file(resources.files("neo_routing_adapters") / "sample" / "directory.json") as path:
            content = read_directory(path).content
    else:
        content = read_directory(request.config.rootpath / _path_in(marker)).content
    return World.of(content)


def _path_in(marker: pytest.Mark) -> str | PathLike[str]:
    match [*(("path", each) for each in marker.args), *marker.kwargs.items()]:
        case [("path", str() | PathLike() as path)]:
            return path
        case _:
            pytest.fail(_MARKER_USAGE, pytrace=False)


@pytest.fixture
def routing_directory(routing_world: World) -> HeldRows:
    """The directory in memory that holds the rows of `routing_world`."""
    return routing_world.directory()


def pytest_assertrepr_compare(config: pytest.Config, op: str, left: object, right: object) -> list[str] | None:
    """Say what parts two decisions, two answers, or two lists of either, that should be equal."""
    if op != "==" or "neo_routing.decision" not in sys.modules:
        return None
    from neo_routing_adapters.pytest_plugin.difference import difference  # noqa: PLC0415  # see above

    return difference(left, right, in_full=config.get_verbosity(pytest.Config.VERBOSITY_ASSERTIONS) > 1)
