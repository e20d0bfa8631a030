"""A directory in memory that follows a database: exactly what stands there, and never old in silence."""

from neo_routing_adapters.extras import how_to_install

try:
    from neo_routing_adapters.live.directory import LiveDirectory
    from neo_routing_adapters.live.freshness import State, Status
    from neo_routing_adapters.live.tokens import UnknownToken
except ModuleNotFoundError as missing:
    if (missing.name or "").partition(".")[0] != "sqlalchemy":
        raise
    told = f"a directory that follows a database needs SQLAlchemy; {how_to_install('sql')}"
    raise ModuleNotFoundError(told, name=missing.name) from missing

__all__ = ["LiveDirectory", "State", "Status", "UnknownToken"]
