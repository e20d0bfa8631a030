"""The one place where credentials may stand: `Authorization: Bearer …`, once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from neo_routing_adapters.http.causes import Cause

LONGEST: Final = 16 * 1024
"""Characters of a header: a token of Entra has some 2,000, and nothing longer is read at all."""

# The scheme in any case (RFC 9110), and what may be a token (RFC 6750).
_bearer: Final = re.compile(r"bearer +(?P<token>[A-Za-z0-9._~+/-]+=*)", re.IGNORECASE | re.ASCII).fullmatch


def bearer_token(headers: Mapping[str, str]) -> str | Cause:
    """Return what the header holds, or why it holds nothing.

    A header that stands twice counts for none, be it as two items or joined by a comma: somebody before us may have
    looked at the other one.

    >>> bearer_token({"authorization": "Bearer abc"})
    'abc'
    >>> str(bearer_token({"authorization": "Bearer abc, Bearer abc"}))
    'malformed_header'
    """
    given = [value for name, value in headers.items() if name.lower() == "authorization"]
    if not given:
        return Cause.NO_CREDENTIALS
    if len(given) > 1:
        return Cause.MALFORMED_HEADER
    if len(given[0]) > LONGEST:
        return Cause.OVERSIZED
    found = _bearer(given[0].strip(" \t"))
    return Cause.MALFORMED_HEADER if found is None else found["token"]
