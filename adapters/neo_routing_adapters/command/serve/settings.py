"""The settings of a server: each has one name, for the command line, the environment and a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import attrs
from attrs import frozen

from neo_routing_adapters.command.serve.readers import (
    Reader,
    addresses,
    one_of,
    origins,
    path,
    seconds,
    several,
    text,
    whole,
)

GROUPS: Final = ("Listening", "Data", "Callers", "Limits", "Deadlines")
_A_DAY: Final = 86_400


def _setting(group: str, read: Reader, default: Any, told: str, *, secret: bool = False) -> Any:
    may_tell = not secret and not (default is None and read is text)  # a URL may hold a password
    return attrs.field(
        default=default, repr=may_tell, metadata={"group": group, "read": read, "told": told, "secret": secret}
    )


@frozen(kw_only=True)
class Settings:
    """What a server is told. A secret comes from the environment, or from a file of its own."""

    host: str = _setting("Listening", text, "127.0.0.1", "Address to listen on.")
    port: int = _setting("Listening", whole(0, 65_535), 8000, "Port to listen on; 0 takes a free one.")
    workers: int = _setting("Listening", whole(1, 64), 1, "How many processes answer.")
    trusted_proxies: tuple[str, ...] = _setting(
        "Listening", addresses, (), "Addresses of proxies whose X-Forwarded-For is believed, with commas between."
    )
    cors_origins: tuple[str, ...] = _setting(
        "Listening", origins, (), "Origins whose pages may read answers, with commas between."
    )
    log_form: str = _setting(
        "Listening",
        one_of("auto", "json", "text"),
        "auto",
        "How the log is written: json, text, or auto, which is text on a terminal.",
    )

    directory: str | None = _setting(
        "Data",
        text,
        None,
        "Directory document, .json or .toml, or database, postgresql://user@host/name or sqlite:///file; if left out, "
        "the sample, in the file neo-routing.sqlite, which is made if need be.",
    )
    sessions: str | None = _setting(
        "Data",
        text,
        None,
        "Database for sessions, keys and links; if left out, the directory's, or neo-routing.sqlite beside a document.",
    )
    connections: int = _setting("Data", whole(1, 1_000), 10, "Connections to each database, of each process.")

    key_environment: str = _setting("Callers", text, "live", "Environment whose API keys are good.")
    key_peppers: str | None = _setting("Callers", text, None, "", secret=True)
    key_peppers_file: Path | None = _setting(
        "Callers", path, None, "File with the peppers of API keys in hexadecimal digits, newest first."
    )
    idempotency_secret: str | None = _setting("Callers", text, None, "", secret=True)
    idempotency_secret_file: Path | None = _setting(
        "Callers", path, None, "File with the secret of idempotency keys, 32 bytes or more in hexadecimal digits."
    )
    entra_audiences: tuple[str, ...] = _setting(
        "Callers", several, (), "Values of aud that mean this API, with commas between; without, no tokens are taken."
    )
    entra_scope: str | None = _setting("Callers", text, None, "The scope that tokens of Entra must have.")
    entra_cloud: str = _setting(
        "Callers",
        one_of("global", "us_government", "china"),
        "global",
        "The cloud that issues the tokens: global, us_government or china.",
    )
    entra_clients: tuple[str, ...] = _setting(
        "Callers", several, (), "Ids of the clients that may call for users, with commas between; if left out, any."
    )
    entra_guests: str = _setting(
        "Callers",
        one_of("refused", "allowed"),
        "refused",
        "Whether guests of an M365 tenant may call: refused or allowed.",
    )
    entra_jwks_url: str | None = _setting(
        "Callers", text, None, "Where the keys are that tokens are signed with; if left out, the cloud's address."
    )
    entra_jwks_file: Path | None = _setting("Callers", path, None, "A file with these keys instead.")

    rate_limit_tenant: int = _setting(
        "Limits", whole(0, 1_000_000_000), 1_200, "Calls of a tenant in 60 seconds; 0 is no limit."
    )
    rate_limit_platform: int = _setting(
        "Limits", whole(0, 1_000_000_000), 0, "Calls of the platform in 60 seconds; 0 is no limit."
    )
    rate_limit_failed: int = _setting(
        "Limits", whole(0, 1_000_000_000), 60, "Failed authentications of an address in 60 seconds; 0 is no limit."
    )
    redis_url: str | None = _setting(
        "Limits", text, None, "Redis that counts, redis://host or rediss://host; if left out, each process does."
    )
    without_redis: str = _setting(
        "Limits", one_of("open", "closed"), "open", "Whether calls pass while Redis is gone: open or closed."
    )

    directory_deadline: float = _setting("Deadlines", seconds(_A_DAY), 2.0, "Seconds a look-up may take.")
    sessions_deadline: float = _setting(
        "Deadlines", seconds(_A_DAY), 2.0, "Seconds that keeping a session may take, and finding an API key."
    )
    body_deadline: float = _setting("Deadlines", seconds(_A_DAY), 10.0, "Seconds until a body must have come.")
    ready_deadline: float = _setting("Deadlines", seconds(_A_DAY), 2.0, "Seconds that /readyz may take.")
    shutdown_deadline: int = _setting(
        "Deadlines", whole(1, _A_DAY), 10, "Seconds that calls may take that are being answered when the server ends."
    )

    def contradiction(self) -> str | None:
        """Return what cannot be meant, if there is something."""
        of_entra = (self.entra_scope, self.entra_clients, self.entra_jwks_url, self.entra_jwks_file)
        if not self.entra_audiences and any(of_entra):
            return "entra_audiences is missing: without an audience no token of Entra is for this API"
        if self.entra_audiences and self.entra_scope is None:
            return "entra_scope is missing: without a scope any application's token would do"
        pairs = ("entra_jwks_url", "entra_jwks_file"), ("key_peppers", "key_peppers_file")
        for one, other in (*pairs, ("idempotency_secret", "idempotency_secret_file")):
            if getattr(self, one) is not None and getattr(self, other) is not None:
                return f"{one} and {other} are both set: give one of them"
        return None


FIELDS: Final = attrs.fields(Settings)
