"""The endpoint that creates chat sessions, as an ASGI application: to be mounted in a host's, or to be served."""

from neo_routing_adapters.extras import how_to_install

try:
    from neo_routing_adapters.http.application import application
    from neo_routing_adapters.http.endpoint import Endpoint
    from neo_routing_adapters.http.ports import Identity, Unauthenticated
    from neo_routing_adapters.http.sessions_in_memory import MemorySessions
except ModuleNotFoundError as missing:
    if (missing.name or "").partition(".")[0] not in {"msgspec", "starlette"}:
        raise
    told = f"the endpoint needs Starlette and msgspec; {how_to_install('http')}"
    raise ModuleNotFoundError(told, name=missing.name) from missing

__all__ = ["Endpoint", "Identity", "MemorySessions", "Unauthenticated", "application"]
