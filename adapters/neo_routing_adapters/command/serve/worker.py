"""What answers: one process of a server, or the only one."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from attrs import field, frozen
from starlette.routing import Router
from starlette.types import ASGIApp

from neo_routing import PolicyEngine
from neo_routing_adapters.command.secrets import secrets_of
from neo_routing_adapters.command.serve.callers import KeysAtHand, credentials
from neo_routing_adapters.command.serve.databases import Data
from neo_routing_adapters.command.serve.given_secrets import GivenSecrets
from neo_routing_adapters.command.serve.health import Health
from neo_routing_adapters.command.serve.logs import log_call, set_up_log
from neo_routing_adapters.command.serve.metrics import Metrics
from neo_routing_adapters.command.serve.orphans import end_with_parent
from neo_routing_adapters.command.serve.parts import Parts
from neo_routing_adapters.command.serve.settings import Settings
from neo_routing_adapters.http import AnsweredCall, Endpoint, application
from neo_routing_adapters.http.callers import MemoryKeyStore, StoredKey


@frozen(kw_only=True)
class Worker:
    """All that a process needs in order to answer, so that it can be sent to one."""

    settings: Settings = field(repr=False)
    secrets: GivenSecrets
    data: Data = field(repr=False)
    trial_keys: tuple[StoredKey, ...]
    numbers: Path

    def __call__(self) -> ASGIApp:
        """Return the application. It is made where it runs: engines belong to an event loop."""
        set_up_log(self.settings.log_form, self.secret_texts)
        end_with_parent()
        parts = Parts.of(self.settings, self.data)
        metrics = Metrics(self.numbers, parts.limits, parts.jwks)
        health = Health(
            asked=parts.questions(keys=self.secrets.peppers is not None, tokens=bool(self.settings.entra_audiences)),
            seconds=self.settings.ready_deadline,
            metrics=metrics,
            body_deadline=self.settings.body_deadline,
        )
        return Router(
            health.routes(),
            redirect_slashes=False,
            default=application(self._endpoint(parts, metrics), cross_origins=self.settings.cors_origins),
            lifespan=parts.until_it_ends,
        )

    @property
    def secret_texts(self) -> frozenset[str]:
        """What no message may hold."""
        of_settings = self.settings.redis_url, self.settings.entra_jwks_url
        return secrets_of(filter(None, (self.data.directory_url, self.data.sessions_url, *of_settings)))

    def _endpoint(self, parts: Parts, metrics: Metrics) -> Endpoint:
        known = credentials(
            self.settings,
            self.secrets.peppers,
            KeysAtHand(MemoryKeyStore(self.trial_keys), parts.keys),
            parts.links,
            parts.jwks,
        )
        return Endpoint(
            policy=PolicyEngine(parts.directory),
            authenticator=known,
            sessions=parts.sessions,
            idempotency_secret=self.secrets.idempotency,
            rate_limiter=parts.limits,
            body_deadline=self.settings.body_deadline,
            on_answer=partial(_note, metrics),
        )


def _note(metrics: Metrics, call: AnsweredCall) -> None:
    log_call(call)
    metrics.note(call)
