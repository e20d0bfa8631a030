"""The commands on databases, on a server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from neo_routing_adapters.command import main

DOCUMENT = {
    "tenants": [{"id": "msp-a"}],
    "agents": [{"id": 12, "tenant_id": "msp-a", "kind": "CONVERSATIONAL"}],
    "channels": [{"id": "ch-1", "tenant_id": "msp-a", "agent_id": 12, "bot_id": "28:{BOT}"}],
    "end_companies": [{"id": "co-1", "tenant_id": "msp-a", "m365_tenant_ids": ["{M}", "m"]}],
}


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+asyncpg", "postgres"])
def test_a_directory_is_made_filled_checked_guarded_and_written_out(
    database_url: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], scheme: str
) -> None:
    url = f"{scheme}://{database_url.partition('://')[2]}"
    path = tmp_path / "directory.json"
    path.write_text(json.dumps(DOCUMENT))
    assert main(["db", "export", url]) == 2
    assert "make the tables with: neo-routing db upgrade URL" in capfd.readouterr().err
    for command in (["upgrade", url], ["import", url, str(path)], ["check", url], ["guard", url]):
        assert main(["db", *command]) == 0
    capfd.readouterr()
    assert main(["db", "export", url]) == 0
    DOCUMENT["channels"][0]["bot_id"] = "bot"
    DOCUMENT["end_companies"][0]["m365_tenant_ids"] = ["m"]
    assert json.loads(capfd.readouterr().out) == DOCUMENT
