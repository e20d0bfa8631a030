"""What is counted of calls, as Prometheus reads it. Every series is there from the start, at 0."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from itertools import accumulate
from pathlib import Path
from typing import Final, TypeAlias

from neo_routing import Outcome, RefusalCode, WarningCode, __version__
from neo_routing_adapters.command.serve.numbers import Numbers
from neo_routing_adapters.http import AnsweredCall, ErrorCode
from neo_routing_adapters.http.callers import Cause, JwksCache, RateLimits
from neo_routing_adapters.http.contract import CONTRACT_PATH, SESSIONS_PATH

Series: TypeAlias = tuple[str, str]
"""The name of a metric, and its labels as they are written."""

_OTHER: Final = "other"
_ROUTES: Final = {SESSIONS_PATH: "sessions", CONTRACT_PATH: "contract"}
_STATUSES: Final = tuple(map(str, (200, 400, 401, 403, 404, 405, 409, 422, 429, 500)))
_BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""In seconds."""

_ANSWERS: Final = "neo_routing_answers_total"
_ERRORS: Final = "neo_routing_errors_total"
_SESSIONS: Final = "neo_routing_sessions_total"
_WARNINGS: Final = "neo_routing_warnings_total"
_UNAUTHENTICATED: Final = "neo_routing_unauthenticated_total"
_RATE_LIMIT_OUTAGES: Final = "neo_routing_rate_limit_outages_total"
_JWKS_FETCHES: Final = "neo_routing_jwks_fetches_total"
_JWKS_FAILURES: Final = "neo_routing_jwks_failures_total"
_SECONDS: Final = "neo_routing_answer_seconds"

_TOLD: Final[Mapping[str, str]] = {
    _ANSWERS: "Answers, by where the path led and by status.",
    _ERRORS: "Answers with an error, by its code.",
    _SESSIONS: "Answers with a session, by the decision's outcome; replayed is one that was there before.",
    _WARNINGS: "Warnings that sessions were answered with.",
    _UNAUTHENTICATED: "Calls of nobody that is known, by the cause, which no answer tells.",
    _RATE_LIMIT_OUTAGES: "Calls that could not be counted because Redis was gone.",
    _JWKS_FETCHES: "How often the keys of tokens were asked for.",
    _JWKS_FAILURES: "How often that failed.",
}
_INFO: Final = "neo_routing_info"
NAMES: Final = (*_TOLD, _SECONDS, _INFO)
"""Of all metrics."""


def _labelled(metric: str, **labels: str) -> Series:
    return metric, ",".join(f'{name}="{value}"' for name, value in labels.items())


def _series() -> Iterator[Series]:
    for route in (*_ROUTES.values(), _OTHER):
        yield from (_labelled(_ANSWERS, route=route, status=status) for status in (*_STATUSES, _OTHER))
    yield from (_labelled(_ERRORS, code=code) for code in dict.fromkeys([*map(str, ErrorCode), *map(str, RefusalCode)]))
    yield from (_labelled(_SESSIONS, outcome=outcome) for outcome in (*map(str, Outcome), "replayed"))
    yield from (_labelled(_WARNINGS, code=str(code)) for code in WarningCode)
    yield from (_labelled(_UNAUTHENTICATED, cause=str(cause)) for cause in Cause)
    yield from ((metric, "") for metric in (_RATE_LIMIT_OUTAGES, _JWKS_FETCHES, _JWKS_FAILURES))


_INDEX: Final[Mapping[Series, int]] = {series: index for index, series in enumerate(_series())}
_FIRST_BUCKET: Final = len(_INDEX)
_SUM_OF_SECONDS: Final = _FIRST_BUCKET + len(_BOUNDS) + 1
_COUNT: Final = _SUM_OF_SECONDS + 1


class Metrics:
    """Counts answers of this process, and tells the numbers of all processes that share the folder."""

    def __init__(self, folder: Path, limits: RateLimits, jwks: JwksCache) -> None:
        self._numbers = Numbers(folder, _COUNT)
        self._limits = limits
        self._jwks = jwks

    def note(self, call: AnsweredCall) -> None:
        """Count an answer."""
        for series in _series_of(call):
            self._numbers.add(_INDEX[series])
        if call.route == SESSIONS_PATH:
            self._numbers.add(_FIRST_BUCKET + bisect_left(_BOUNDS, call.took_ms / 1000))
            self._numbers.add(_SUM_OF_SECONDS, call.took_ms / 1000)
        self._fetch()

    def text(self) -> str:
        """Return all numbers, in the text format 0.0.4 of Prometheus."""
        self._fetch()
        return "\n".join([*_lines(self._numbers.sums()), ""])

    def _fetch(self) -> None:
        """Take what is counted elsewhere."""
        self._numbers.put(_INDEX[_RATE_LIMIT_OUTAGES, ""], self._limits.outages)
        self._numbers.put(_INDEX[_JWKS_FETCHES, ""], self._jwks.fetches)
        self._numbers.put(_INDEX[_JWKS_FAILURES, ""], self._jwks.failures)


def _series_of(call: AnsweredCall) -> Iterator[Series]:
    status = str(call.status)
    status = status if status in _STATUSES else _OTHER
    yield _labelled(_ANSWERS, route=_ROUTES.get(call.route, _OTHER), status=status)
    if call.code is not None:
        yield _labelled(_ERRORS, code=str(call.code))
    if call.session_id is not None:
        yield _labelled(_SESSIONS, outcome="replayed" if call.outcome is None else str(call.outcome))
    yield from (_labelled(_WARNINGS, code=str(warning)) for warning in call.warnings)
    if call.cause:
        yield _labelled(_UNAUTHENTICATED, cause=call.cause)


def _lines(numbers: tuple[float, ...]) -> Iterator[str]:
    yield from (f"# HELP {_INFO} What answers.", f"# TYPE {_INFO} gauge", f'{_INFO}{{version="{__version__}"}} 1')
    before = None
    for (metric, labels), index in _INDEX.items():
        if metric != before:
            yield from (f"# HELP {metric} {_TOLD[metric]}", f"# TYPE {metric} counter")
        before = metric
        yield f"{metric}{{{labels}}} {numbers[index]:.0f}" if labels else f"{metric} {numbers[index]:.0f}"
    yield from _histogram(numbers)


def _histogram(numbers: tuple[float, ...]) -> Iterator[str]:
    yield f"# HELP {_SECONDS} Seconds from the head of a call for a session until its answer could be sent."
    yield f"# TYPE {_SECONDS} histogram"
    counts = [*accumulate(numbers[_FIRST_BUCKET:_SUM_OF_SECONDS])]
    for bound, count in zip((*map(str, _BOUNDS), "+Inf"), counts, strict=True):
        yield f'{_SECONDS}_bucket{{le="{bound}"}} {count:.0f}'
    yield f"{_SECONDS}_sum {numbers[_SUM_OF_SECONDS]!r}"
    yield f"{_SECONDS}_count {counts[-1]:.0f}"
