"""What can be wrong with a directory."""

from __future__ import annotations

import pickle

from neo_routing import InvalidDirectory, Problem


def test_the_list_of_problems_survives_a_pickle() -> None:
    invalid = InvalidDirectory([Problem("tenants[0].id", "is missing"), Problem("", "and so on")])
    again = pickle.loads(pickle.dumps(invalid))
    assert (str(again), again.problems) == (str(invalid), invalid.problems)
