"""What the endpoint can answer: a session that was created, or one of a closed set of errors."""

from __future__ import annotations

from math import ceil
from typing import Any, Final, TypeAlias

from attrs import frozen

from neo_routing import Outcome, Refusal, RefusalCode
from neo_routing.names import Name
from neo_routing_adapters.http.ports import ChatSession

Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]

_TRY_AGAIN_IN: Final = ((b"retry-after", b"1"),)


class ErrorCode(Name):
    """What is wrong, if it is not one of the `RefusalCode`s; in the order in which they apply, faults last."""

    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    UNAUTHENTICATED = "unauthenticated"
    RATE_LIMITED = "rate_limited"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    BODY_TOO_LARGE = "body_too_large"
    BODY_TOO_SLOW = "body_too_slow"
    INVALID_JSON = "invalid_json"
    IDEMPOTENCY_KEY_INVALID = "idempotency_key_invalid"
    IDEMPOTENCY_KEY_IN_PROGRESS = "idempotency_key_in_progress"
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused"
    AUTHENTICATION_UNAVAILABLE = "authentication_unavailable"
    RATE_LIMIT_UNAVAILABLE = "rate_limit_unavailable"
    DIRECTORY_UNAVAILABLE = "directory_unavailable"
    SESSIONS_UNAVAILABLE = "sessions_unavailable"
    INTERNAL_ERROR = "internal_error"


@frozen(kw_only=True)
class Refused:
    """An answer with an error."""

    status: int
    code: ErrorCode | RefusalCode
    message: str
    details: dict[str, Any] | None = None
    headers: Headers = ()


@frozen(kw_only=True)
class Created:
    """An answer with a session; one that was replayed has no outcome, because nothing was decided."""

    session: ChatSession
    outcome: Outcome | None


@frozen
class Document:
    """An answer with a document that is always the same."""

    content: bytes


Answer: TypeAlias = Refused | Created | Document


def method_not_allowed(*allowed: str) -> Refused:
    """Return the answer to a method that the path does not have."""
    return Refused(
        status=405,
        code=ErrorCode.METHOD_NOT_ALLOWED,
        message=f"This path takes {' and '.join(allowed)} and no other method.",
        headers=((b"allow", ", ".join(allowed).encode()),),
    )


def rate_limited(seconds: float) -> Refused:
    """Return the answer to a call that comes too soon by so many seconds."""
    whole = max(1, ceil(seconds))
    return Refused(
        status=429,
        code=ErrorCode.RATE_LIMITED,
        message="There were too many calls. Wait for as many seconds as Retry-After says.",
        headers=((b"retry-after", b"%d" % whole),),
    )


def invalid_json(why: str) -> Refused:
    """Return the answer to a body that is no JSON text, and say why, with its place."""
    return Refused(status=400, code=ErrorCode.INVALID_JSON, message=f"The body cannot be read as JSON: {why}.")


def refused_by_rules(refusal: Refusal) -> Refused:
    """Return the answer to what the rules refuse, with nothing but what the caller may see."""
    return Refused(status=refusal.status, code=refusal.code, message=refusal.message, details=refusal.details)


def unavailable(code: ErrorCode) -> Refused:
    """Return the answer where somebody who must be asked cannot answer: nothing was created, as far as is known."""
    return Refused(
        status=500,
        code=code,
        message="The call cannot be answered at the moment. Try again after as many seconds as Retry-After says.",
        headers=_TRY_AGAIN_IN,
    )


NOT_FOUND: Final = Refused(
    status=404, code=ErrorCode.NOT_FOUND, message="There is nothing at this path. Check its spelling."
)
UNAUTHENTICATED: Final = Refused(
    status=401,
    code=ErrorCode.UNAUTHENTICATED,
    message="The call needs a valid API key or access token: send it as Authorization: Bearer.",
    headers=((b"www-authenticate", b"Bearer"),),
)
UNSUPPORTED_MEDIA_TYPE: Final = Refused(
    status=400,
    code=ErrorCode.UNSUPPORTED_MEDIA_TYPE,
    message="The body must be JSON in UTF-8, not compressed: send Content-Type: application/json.",
)
BODY_TOO_LARGE: Final = Refused(
    status=400, code=ErrorCode.BODY_TOO_LARGE, message="The body must be at most 65,536 bytes long."
)
BODY_TOO_SLOW: Final = Refused(
    status=400, code=ErrorCode.BODY_TOO_SLOW, message="The body did not arrive in time. Send it at once."
)
IDEMPOTENCY_KEY_INVALID: Final = Refused(
    status=400,
    code=ErrorCode.IDEMPOTENCY_KEY_INVALID,
    message="Idempotency-Key must be one header of 1 to 255 visible ASCII characters, without spaces.",
)
IDEMPOTENCY_KEY_OF_NO_USER: Final = Refused(
    status=400,
    code=ErrorCode.IDEMPOTENCY_KEY_INVALID,
    message="Idempotency-Key cannot be used here: users of your account cannot be told apart. Leave it out.",
)
IDEMPOTENCY_KEY_IN_PROGRESS: Final = Refused(
    status=409,
    code=ErrorCode.IDEMPOTENCY_KEY_IN_PROGRESS,
    message="A call with this Idempotency-Key is being answered. Try again in a moment.",
    headers=_TRY_AGAIN_IN,
)
IDEMPOTENCY_KEY_REUSED: Final = Refused(
    status=422,
    code=ErrorCode.IDEMPOTENCY_KEY_REUSED,
    message="This Idempotency-Key was used with another body. Use a new key for a new session.",
)
INTERNAL_ERROR: Final = Refused(
    status=500,
    code=ErrorCode.INTERNAL_ERROR,
    message="Something went wrong on our side. Tell support the request_id.",
)
