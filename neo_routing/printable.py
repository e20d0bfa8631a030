"""Text fit to be shown: what a reader could not see is written out."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

_INVISIBLE: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U0001d159\U00016fe4\U000e0000-\U000e0fff]"
)
"""Letters, marks and symbols that leave no trace: Unicode's Default_Ignorable_Code_Point, and three blank glyphs.

The other code points of that property have no glyph according to `str.isprintable`.
"""


def is_printable(text: str) -> bool:
    r"""Tell whether each character of a text can be seen; of white space only a blank is.

    >>> is_printable("MSP A"), is_printable("MSP\u3164A"), is_printable("MSP\u00a0A")
    (True, False, False)
    """
    return text.isprintable() and (text.isascii() or _INVISIBLE.search(text) is None)


def printable(text: str) -> str:
    r"""Return a text with all that cannot be seen escaped as Python would escape it.

    >>> print(printable("contoso\u202e.example\ufe0f"))
    contoso\u202e.example\ufe0f
    """
    return with_escapes(text, lambda character: character.encode("unicode_escape").decode("ascii"))


def with_escapes(text: str, escape: Callable[[str], str]) -> str:
    r"""Return a text with each character that cannot be seen escaped in this way, as a form of data may have one.

    >>> print(with_escapes("contoso\u202e", lambda character: f"&#{ord(character)};"))
    contoso&#8238;
    """
    return text if is_printable(text) else "".join(each if is_printable(each) else escape(each) for each in text)
