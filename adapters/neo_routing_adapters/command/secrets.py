"""What stands in the arguments and must not be printed: passwords, wherever somebody has put a URL.

A message repeats what it is about, in quotes, shortened, or only in part. So not the places are listed where a URL may
be repeated, but whatever could be a secret in the arguments is taken out of all that is told.
"""

from __future__ import annotations

import json
import re
import shlex
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import Final
from urllib.parse import quote, quote_plus, unquote, unquote_plus

from neo_routing import CallerKind
from neo_routing.printable import printable

# Fewer characters than these stand within a longer word by chance, and there they tell nothing.
FEWEST_TELLING: Final = 4
_STARS: Final = "***"

_option: Final = re.compile(r"--?[\w-]+=").match
_caller: Final = re.compile(rf"--caller=(?:{'|'.join(CallerKind)}):[^:/=]*", re.DOTALL).fullmatch
_url_with_user: Final = re.compile(r"[A-Za-z][\w+.-]*:(?P<slashes>/*)(?P<user>.*)@", re.DOTALL).search
_url_with_port: Final = re.compile(r"[A-Za-z][\w+.-]+:/{1,2}[^/?#@:\[]+:(?P<port>[^/?#]*)").search
_parameters: Final = re.compile(r"(?:^|(?<=[?&;\s]))(?P<name>[^=&?;\s]+)=(?P<value>[^&;\s]*)").finditer
_secret_name: Final = re.compile(r"pass(?!file)|pwd|secret|token|scram", re.IGNORECASE).search

_SECRETS: ContextVar[frozenset[str]] = ContextVar("_SECRETS", default=frozenset())


@contextmanager
def keeping_secrets_of(arguments: Iterable[str]) -> Iterator[None]:
    """Keep to itself what is secret in these arguments, while the block runs."""
    before = _SECRETS.set(secrets_of(_suspects(arguments)))
    try:
        yield
    except Exception:
        sys.excepthook = _traceback_without(_SECRETS.get())
        raise
    finally:
        _SECRETS.reset(before)


def secrets_of(texts: Iterable[str]) -> frozenset[str]:
    """Return what could be a secret in these, in each form in which a message may have it."""
    return frozenset(form for text in texts for secret in secrets_in(text) for form in _forms(secret))


def _suspects(arguments: Iterable[str]) -> Iterator[str]:
    """Yield all arguments but callers, whose tenant may have an @ in it."""
    before = ""
    for argument in arguments:
        if not _caller(f"{before}={argument}") and not _caller(argument):
            yield argument
        before = argument


def without_secrets(text: str) -> str:
    """Return a text with stars for what is secret in the arguments.

    >>> with keeping_secrets_of(["--directory=postgresql:/neo:s3cret/word@host/name"]):
    ...     print(without_secrets("cannot read postgresql:/neo:s3cret/word@host/name; and 's3cret', 's3cret%2Fword'"))
    cannot read postgresql:/neo:***@host/name; and '***', '***'
    """
    return starred(text, _SECRETS.get())


def starred(text: str, secrets: Iterable[str]) -> str:
    """Return a text with stars for each of these and for each of its parts; what is short counts as a word alone."""
    spans = sorted(span for secret in secrets for span in _spans(text, secret))
    told, end = list[str](), 0
    for first, last in spans:
        if first >= end:
            told += [text[end:first], _STARS]
        end = max(end, last)  # they may overlap
    return "".join([*told, text[end:]])


def _spans(text: str, secret: str) -> Iterator[tuple[int, int]]:
    whole = re.escape(secret) if len(secret) >= FEWEST_TELLING else rf"(?<![\w.-]){re.escape(secret)}(?![\w.-])"
    # What tells something by itself, if a message has no more of the secret than that.
    parts = (part for part in re.split(r"[\W_]+", secret) if len(part) >= FEWEST_TELLING and part != "password")
    for pattern in (whole, *(rf"(?<!\w){part}(?!\w)" for part in parts)):
        yield from (found.span() for found in re.finditer(pattern, text))


def starred_words(text: str, secret: str) -> str:
    """Return a text with stars where it has this as a word of its own."""
    return re.sub(rf"(?<![\w.-]){re.escape(secret)}(?![\w.-])", _STARS, text)


def is_secret_name(name: str) -> bool:
    """Tell whether the parameter of a URL, by its name, is a secret.

    >>> is_secret_name("sslpassword"), is_secret_name("passfile")
    (True, False)
    """
    return _secret_name(name) is not None


def secrets_in(argument: str) -> frozenset[str]:
    """Return what could be a secret in an argument: the password of a URL, however misspelt, and of its parameters.

    >>> sorted(secrets_in("postgresql://neo:p@ss@host/name?sslpassword=s3cret"))
    ['p@ss', 's3cret']
    >>> secrets_in("postgresql://neo@host:5432/name?sslmode=require"), secrets_in("sample/cases.jsonl")
    (frozenset(), frozenset())
    """
    given = argument[option.end() :] if (option := _option(argument)) else argument
    found = {secret for part in {given, *given.split()} for secret in (*_in_url(part), *_in_parameters(part))}
    return frozenset(found - {""})


def _in_url(given: str) -> Iterator[str]:
    if (url := _url_with_user(given)) is not None:
        user, _, password = url["user"].partition(":")
        yield password
        if not url["slashes"]:  # then it is not told what is a scheme, what a user, and what a password already
            yield from (user, url["user"])
    elif (url := _url_with_port(given)) is not None and not url["port"].isdecimal():
        yield url["port"]


def _in_parameters(given: str) -> Iterator[str]:
    for parameter in _parameters(given):
        if is_secret_name(unquote(parameter["name"])):
            # It may hold what ends a parameter, so all that follows is secret too.
            yield from (parameter["value"], given[parameter.start("value") :])
            return


def _forms(secret: str) -> Iterator[str]:
    """Yield how a secret may be written in a message."""
    for plain in {secret, unquote(secret), unquote_plus(secret)}:
        yield plain
        yield from (quote(plain, errors="replace"), quote(plain, "", errors="replace"))
        yield quote_plus(plain, errors="replace")
        yield from (printable(plain), repr(plain)[1:-1], ascii(plain)[1:-1], json.dumps(plain)[1:-1])
        yield from (shlex.quote(plain), " ".join(plain.split()), re.sub("/+", "/", plain))


def _traceback_without(secrets: Iterable[str]) -> Callable[..., None]:
    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        sys.stderr.write(starred("".join(traceback.format_exception(kind, error, trace)), secrets))

    return hook
