"""The endpoint that creates chat sessions, as an ASGI application: to be mounted in a host's, or to be served."""

from neo_routing_adapters.extras import how_to_install

try:
    from neo_routing_adapters.http.answers import ErrorCode
    from neo_routing_adapters.http.application import application
    from neo_routing_adapters.http.call import AnsweredCall
    from neo_routing_adapters.http.contract import contract_document
    from neo_routing_adapters.http.endpoint import Endpoint
    from neo_routing_adapters.http.envelope import error_document, session_document
    from neo_routing_adapters.http.ports import (
        AuthenticationUnavailable,
        Authenticator,
        AwaitedDirectory,
        ChatSession,
        DecidedSession,
        Deciding,
        IdempotencyKey,
        Identity,
        InProgress,
        Kept,
        KeyTaken,
        OtherBody,
        RateLimiter,
        RateLimitUnavailable,
        SessionStore,
        SessionStoreUnavailable,
        Unauthenticated,
    )
    from neo_routing_adapters.http.sessions_in_memory import MemorySessions
except ModuleNotFoundError as missing:
    if (missing.name or "").partition(".")[0] not in {"msgspec", "starlette"}:
        raise
    told = f"the endpoint needs Starlette and msgspec; {how_to_install('http')}"
    raise ModuleNotFoundError(told, name=missing.name) from missing

__all__ = [
    "AnsweredCall",
    "AuthenticationUnavailable",
    "Authenticator",
    "AwaitedDirectory",
    "ChatSession",
    "DecidedSession",
    "Deciding",
    "Endpoint",
    "ErrorCode",
    "IdempotencyKey",
    "Identity",
    "InProgress",
    "Kept",
    "KeyTaken",
    "MemorySessions",
    "OtherBody",
    "RateLimitUnavailable",
    "RateLimiter",
    "SessionStore",
    "SessionStoreUnavailable",
    "Unauthenticated",
    "application",
    "contract_document",
    "error_document",
    "session_document",
]
