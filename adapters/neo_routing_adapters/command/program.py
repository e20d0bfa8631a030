"""A program of somebody else's that gets lines and answers each with a line, within limits."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Thread
from typing import IO, Final

from attrs import frozen

_LONGEST_LINE: Final = 1 << 20
_PIECE: Final = 1 << 16
_MOST_COMPLAINED: Final = 1 << 14
_MOST_COMPLAINTS: Final = 10
_SHORT_WHILE: Final = 2.0
"""Seconds for what happens at once, unless a child of the program keeps its output open."""


@frozen(kw_only=True)
class Answered:
    """What a program wrote, and what was wrong with how it ended, if anything was."""

    lines: tuple[bytes, ...]
    """The lines of its standard output, the ends of lines included."""
    fault: str | None
    """What it did, as in "ended with status 1"."""
    complaints: tuple[str, ...]
    """The last lines of its standard error."""


def answers_of(words: Sequence[str], lines: Sequence[bytes], *, seconds: float) -> Answered:
    """Run a program with these lines as its standard input, until it ends or one of the limits is reached.

    The limits are its time, one line more than it was given, and a mebibyte for a line. Raises `OSError` if it cannot
    be started.
    """
    with _running(words, lines) as process:
        output, errors = _Output(process.stdout, most=len(lines)), _Errors(process.stderr)
        fault = _watch(process, output, seconds)
    for reader in (output, errors):
        reader.finish()
    return Answered(lines=tuple(output.lines), fault=fault, complaints=errors.last_lines())


@contextmanager
def orderly_termination() -> Iterator[None]:
    """Let SIGTERM end the block as an interrupt does, so that what was started in it is ended; the exit status is 143.

    Only the first counts: `timeout` sends it twice, and the second would break off the tidying up.
    """
    before = signal.signal(signal.SIGTERM, _exit)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _exit(number: int, _frame: object) -> None:
    signal.signal(number, signal.SIG_IGN)
    sys.exit(128 + number)


@contextmanager
def _running(words: Sequence[str], lines: Iterable[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    with tempfile.TemporaryFile() as given:
        given.writelines(lines)
        given.seek(0)
        process = subprocess.Popen(  # noqa: S603  # it is the user who names the program
            words, bufsize=0, stdin=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        )
        try:
            yield process
        finally:
            _end(process)


def _watch(process: subprocess.Popen[bytes], output: _Output, seconds: float) -> str | None:
    until = time.monotonic() + seconds
    output.join(seconds)
    if output.overflow is not None:
        return output.overflow
    try:
        status = process.wait(max(0.0, until - time.monotonic()))
    except subprocess.TimeoutExpired:
        return f"had not ended after {seconds:g} seconds, with {output.told}"
    return _ended(status, output) or _left_open(output, seconds)


def _left_open(output: _Output, seconds: float) -> str | None:
    if not output.is_alive():
        return None
    return f"ended, but its output was still open after {seconds:g} seconds, with {output.told}"


def _ended(status: int, output: _Output) -> str | None:
    if status < 0:
        return f"was ended by {_signal(-status)}, with {output.told}"
    return f"ended with status {status}, with {output.told}" if status else None


def _signal(number: int) -> str:
    return signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the program, if it still runs, and its children, which may outlive it."""
    process.poll()
    with suppress(ProcessLookupError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


class _Reader(Thread):
    """Reads a stream of the program's, which stays open until the program has ended.

    It reads past Python's buffers: a buffer cannot be closed as long as somebody waits for what never comes.
    """

    def __init__(self, stream: IO[bytes] | None) -> None:
        super().__init__(daemon=True)
        assert stream is not None
        self._stream = stream
        self.start()

    def pieces(self) -> Iterator[bytes]:
        """Yield what comes, as it comes."""
        while piece := os.read(self._stream.fileno(), _PIECE):
            yield piece

    def finish(self) -> None:
        """Wait until all is read, or leave it if somebody else keeps the stream open."""
        self.join(_SHORT_WHILE)
        if not self.is_alive():
            self._stream.close()


class _Output(_Reader):
    """Reads what the program answers, but no more than it may answer."""

    def __init__(self, stream: IO[bytes] | None, *, most: int) -> None:
        self.lines: list[bytes] = []
        self.overflow: str | None = None
        self._most = most
        super().__init__(stream)

    @property
    def told(self) -> str:
        """How far it has come."""
        return f"{len(self.lines)} of {self._most} lines written"

    def run(self) -> None:
        unended = b""
        for piece in self.pieces():
            *ended, unended = (unended + piece).split(b"\n")
            self._take(line + b"\n" for line in ended)
            if len(unended) > _LONGEST_LINE:
                self.overflow = f"wrote more than {_LONGEST_LINE} bytes as line {len(self.lines) + 1}"
            if self.overflow is not None:
                return
        self._take([unended] if unended else [])

    def _take(self, lines: Iterable[bytes]) -> None:
        for line in lines:
            if len(self.lines) == self._most:
                self.overflow = f"wrote more lines than the {self._most} that it was given"
                return
            self.lines.append(line)


class _Errors(_Reader):
    """Reads what the program complains of, and keeps the last of it."""

    def __init__(self, stream: IO[bytes] | None) -> None:
        self._last = b""
        super().__init__(stream)

    def run(self) -> None:
        for piece in self.pieces():
            self._last = (self._last + piece)[-_MOST_COMPLAINED:]

    def last_lines(self) -> tuple[str, ...]:
        """Return the last lines, without blank ones."""
        lines = self._last.decode(errors="backslashreplace").splitlines()
        return tuple(line for line in lines if line.strip())[-_MOST_COMPLAINTS:]
