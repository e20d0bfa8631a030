"""Where the settings of `neo-routing serve` come from, and what is said of one that cannot be."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from neo_routing_adapters.command.failure import CommandFailed
from neo_routing_adapters.command.serve.settings import FIELDS, Settings
from neo_routing_adapters.command.serve.settings_given import Flags, GivenSettings, given_settings
from neo_routing_adapters.http.callers import EntraCloud

if TYPE_CHECKING:
    from tests.command.conftest import Run

SECRET = "5e" * 32
SUCH_AS = "(such as https://dashboard.example)"
IN_A_FILE = Path("serve.toml")


def given(folder: Path, *, file: str = "", env: Mapping[str, str] | None = None, **flags: str) -> GivenSettings:
    path = folder / IN_A_FILE
    path.write_text(file)
    return given_settings(Flags(**flags), path, env or {})


def failure(folder: Path, **sources: Any) -> str:
    with pytest.raises(CommandFailed) as failed:
        given(folder, **sources)
    assert failed.value.status == 2
    assert "\n" not in str(failed.value)
    return str(failed.value).replace(str(folder / IN_A_FILE), "FILE")


def test_a_flag_counts_before_a_variable_that_before_the_file_and_that_before_the_default(tmp_path: Path) -> None:
    file = "port = 3\nconnections = 3\nrate_limit_tenant = 3\n"
    variables = {"NEO_ROUTING_PORT": "2", "NEO_ROUTING_CONNECTIONS": "2"}
    found = given(tmp_path, file=file, env=variables, port="1")
    settings, places = found.settings, found.places
    assert (settings.port, settings.connections, settings.rate_limit_tenant, settings.workers) == (1, 2, 3, 1)
    told = [places[name] for name in ("port", "connections", "rate_limit_tenant", "workers")]
    assert told == ["--port", "NEO_ROUTING_CONNECTIONS", f"rate_limit_tenant in {tmp_path / IN_A_FILE}", "default"]


def test_a_variable_may_name_the_file(tmp_path: Path) -> None:
    (tmp_path / IN_A_FILE).write_text("port = 3")
    assert given_settings(Flags(), None, {"NEO_ROUTING_SETTINGS": str(tmp_path / IN_A_FILE)}).settings.port == 3


def test_each_setting_can_be_given_everywhere_and_a_secret_in_the_environment_alone(tmp_path: Path) -> None:
    texts = {"int": "7", "float": "7.5", "tuple[str, ...]": "a, b"}
    names = {"log_form": "json", "entra_cloud": "china", "entra_guests": "allowed", "without_redis": "closed"}
    names |= {"cors_origins": "https://a.example, *", "trusted_proxies": "192.0.2.1, 2001:db8::/32"}
    both = {"key_peppers_file", "idempotency_secret_file", "entra_jwks_file"}
    for field in FIELDS:
        text = names.get(field.name, texts.get(str(field.type), "a"))
        env = {f"NEO_ROUTING_{field.name.upper()}": text}
        others = {} if field.name == "entra_audiences" else {"entra_audiences": "a"}
        scope = {} if field.name == "entra_scope" else {"entra_scope": "s"}
        by_variable = getattr(given(tmp_path, env=env, **others, **scope).settings, field.name)
        assert by_variable != field.default or field.name in both, field.name
        if field.metadata["secret"]:
            assert "--" + field.name not in {*attrs.fields_dict(Flags)}
            assert f"FILE has {field.name}, which is a secret" in failure(tmp_path, file=f'{field.name} = "a"')
        else:
            flags = {**others, **scope, field.name: text}
            assert getattr(given(tmp_path, **flags).settings, field.name) == by_variable


@pytest.mark.parametrize(
    ("sources", "complaint"),
    [
        ({"port": "65536"}, "--port must be a whole number from 0 to 65,535"),
        ({"port": "1e3"}, "--port must be a whole number from 0 to 65,535"),
        ({"env": {"NEO_ROUTING_WORKERS": "0"}}, "NEO_ROUTING_WORKERS must be a whole number from 1 to 64"),
        ({"file": "workers = true"}, "workers in FILE must be a whole number from 1 to 64"),
        ({"file": "workers = 2.0"}, "workers in FILE must be a whole number from 1 to 64"),
        ({"file": "body_deadline = nan"}, "body_deadline in FILE must be a number of seconds from 0.001 to 86,400"),
        ({"file": "cors_origins = 1"}, "cors_origins in FILE must be an array of texts"),
        ({"file": "cors_origins = [1]"}, "cors_origins in FILE must be a text, and not empty"),
        (
            {"cors_origins": "*, https://a.example/"},
            f"--cors-origins must be origins, or *; an origin has no path, and no slash at its end {SUCH_AS}",
        ),
        (
            {"trusted_proxies": "proxy.example"},
            "--trusted-proxies must be addresses or networks, such as 192.0.2.1 or 192.0.2.0/24, or *",
        ),
        ({"file": "directory = ' '"}, "directory in FILE must be a text, and not empty"),
        ({"log_form": "xml"}, "--log-form must be one of auto, json, text"),
        ({"file": "prot = 1"}, "FILE has prot, which is no setting; --print-settings lists them"),
        ({"file": "port = "}, "cannot use FILE: Invalid value (at end of document)"),
        ({"entra_scope": "s"}, "entra_audiences is missing: without an audience no token of Entra is for this API"),
        ({"entra_audiences": "a"}, "entra_scope is missing: without a scope any application's token would do"),
        (
            {"env": {"NEO_ROUTING_KEY_PEPPERS": SECRET}, "key_peppers_file": "p"},
            "key_peppers and key_peppers_file are both set: give one of them",
        ),
    ],
)
def test_a_setting_that_cannot_be_is_named_with_its_place(
    tmp_path: Path, sources: dict[str, Any], complaint: str
) -> None:
    assert failure(tmp_path, **sources) == complaint


def test_a_variable_that_is_named_as_a_setting_and_is_none_is_told_without_its_value(run: Run, tmp_path: Path) -> None:
    env = {"NEO_ROUTING_RATE_LIMIT_TENNANT": "hidden", "NEO_ROUTING_PORT": "3", "NEO_ROUTING_SETTINGS": ""}
    complaint = "NEO_ROUTING_RATE_LIMIT_TENNANT is no setting, and is passed over"
    assert [*given(tmp_path, env=env).complaints()] == [complaint]
    told = run("serve", "--print-settings", env=env).stdout.decode()
    assert f"# {complaint}" in told
    assert "hidden" not in told


def test_the_clouds_are_those_that_tokens_come_from() -> None:
    for cloud in EntraCloud:
        assert FIELDS.entra_cloud.metadata["read"](str(cloud)) == cloud
    with pytest.raises(ValueError, match=", ".join(EntraCloud)):
        FIELDS.entra_cloud.metadata["read"]("another")


def test_settings_are_printed_as_a_file_has_them_with_stars_for_secrets(run: Run, tmp_path: Path) -> None:
    env = {"NEO_ROUTING_KEY_PEPPERS": SECRET, "NEO_ROUTING_REDIS_URL": "redis://:hidden@host:6379/0"}
    flags = ("--directory", "postgresql://neo:hidden@host/name", "--entra-clients", 'a,"', "--entra-audiences", "b")
    flags = (*flags, "--entra-scope", "s")
    done = run("serve", "--print-settings", *flags, env=env)
    told = done.stdout.decode()
    assert (done.returncode, done.stderr) == (0, b"")
    assert SECRET not in told
    assert "hidden" not in told
    assert '# key_peppers = "***"  # NEO_ROUTING_KEY_PEPPERS' in told
    assert "# idempotency_secret is not set" in told
    settings = tomllib.loads(told)
    assert settings["directory"] == "postgresql://neo:***@host/name"
    assert settings["redis_url"] == "redis://:***@host:6379/0"
    assert {*settings} == {name for name, value in attrs.asdict(Settings()).items() if value is not None} | {
        "directory",
        "redis_url",
        "entra_scope",
    }
    told_by_repr = repr(given(tmp_path, env=env, directory=flags[1]).settings)
    assert not [secret for secret in (SECRET, "hidden") if secret in told_by_repr]
    assert given(tmp_path, file=told).settings.entra_clients == ("a", '"')
