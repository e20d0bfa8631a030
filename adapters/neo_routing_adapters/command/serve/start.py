"""A server that starts: everything is looked at first, in this process, and then it answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from neo_routing_adapters.command.failure import CommandFailed
from neo_routing_adapters.command.secrets import secrets_of, starred
from neo_routing_adapters.command.serve.callers import require_usable
from neo_routing_adapters.command.serve.databases import data_of, document_of, notices, sample
from neo_routing_adapters.command.serve.given_secrets import GivenSecrets, given_secrets
from neo_routing_adapters.command.serve.logs import log, set_up_log
from neo_routing_adapters.command.serve.server import ending_at_a_signal, listening, serve_on, url_of
from neo_routing_adapters.command.serve.settings import Settings
from neo_routing_adapters.command.serve.settings_given import GivenSettings
from neo_routing_adapters.command.serve.trial import TrialKeys, is_trial, ready_line, ready_words, trial_keys
from neo_routing_adapters.command.serve.worker import Worker


def start(found: GivenSettings, *, as_json: bool) -> None:
    """Serve until a signal ends that. Raises `CommandFailed`, which holds no secret of the settings."""
    settings = found.settings
    with ending_at_a_signal(), TemporaryDirectory(prefix="neo-routing-") as folder:
        try:
            _serve(found, Path(folder), as_json=as_json)
        except CommandFailed as failed:
            given = filter(None, (settings.directory, settings.sessions, settings.redis_url))
            raise CommandFailed(starred(str(failed), secrets_of(given)), failed.status) from failed


def _serve(found: GivenSettings, folder: Path, *, as_json: bool) -> None:
    settings = found.settings
    document, trial = document_of(settings), is_trial(settings)
    secrets = given_secrets(settings, draw_peppers=trial)
    require_usable(settings, secrets.peppers)
    with closing(listening(settings.host, settings.port)) as made:
        data = data_of(settings, document)
        tried = (document or sample()).content if trial else None
        keys = TrialKeys()
        if tried is not None and secrets.peppers is not None:
            keys = trial_keys(tried, settings.key_environment, secrets.peppers)
        worker = Worker(settings=settings, secrets=secrets, data=data, trial_keys=keys.stored, numbers=folder)
        set_up_log(settings.log_form, worker.secret_texts)
        for notice in (*found.complaints(), *_notices(settings, secrets, trial=trial), *notices(data)):
            log.warning(notice)
        url = url_of(made)
        ready = ready_line(url, keys) if as_json else ready_words(url, keys, tried)
        serve_on(made, worker, partial(print, ready, flush=True))


def _notices(settings: Settings, secrets: GivenSecrets, *, trial: bool) -> Iterator[str]:
    if secrets.idempotency_is_drawn and not trial:
        yield (
            "idempotency_secret is not set, and was drawn for this start: a call that is repeated to another server, "
            "or after the next start, will count as one with another body"
        )
    if settings.workers > 1 and settings.redis_url is None:
        yield f"redis_url is not set: each of the {settings.workers} workers counts calls for itself, up to each limit"
