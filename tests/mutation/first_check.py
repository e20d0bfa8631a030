"""What kills most mutants in a fraction of a second: the conformance corpus, and some small worlds."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from neo_routing.testing.conformance import conformance_worlds, differences
from neo_routing.testing.prove import Agreement
from neo_routing.testing.small_worlds import SCOPES
from neo_routing_adapters.json_lines import answer_line, read_answer
from neo_routing_adapters.memory import read_directory


def check_the_corpus() -> None:
    """Raise whatever comes if a case of the corpus is not decided as it says."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "directory.json")
        for world in conformance_worlds():
            path.write_text(world.directory_document, "utf-8")
            directory = read_directory(path)
            for case in world.cases:
                parted = differences(case, read_answer(answer_line(case.line, directory, trace=True)))
                assert not parted, (case.name, parted)


def check_some_small_worlds() -> None:
    """Raise whatever comes if core and reference model differ, in what was decided or in what the trace tells."""
    scope, agreement = SCOPES["small"], Agreement()
    for world in islice(scope.worlds(scope.channel_pairs[::97]), 0, None, 211):
        assert not [*agreement.broken_by(world)], world
