"""What kills most mutants in a fraction of a second: the conformance corpus, with its traces."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from neo_routing.testing.conformance import conformance_worlds, differences, read_answer
from neo_routing_adapters.json_lines import answer_line
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
