"""The shape of a request, in bits of an integer: which fields are there, which are blank, which can be no id."""

from __future__ import annotations

from typing import Final

HAS_AGENT_ID: Final = 1
HAS_MANAGED_AGENT_KEY: Final = 2
HAS_CLIENT_ID: Final = 4
HAS_BOT_ID: Final = 8
HAS_M365_TENANT_ID: Final = 16
BLANK_CLIENT_ID: Final = 32
BLANK_BOT_ID: Final = 64
BLANK_M365_TENANT_ID: Final = 128
HAS_UNKNOWN_FIELDS: Final = 256
UNUSABLE_BOT_ID: Final = 512
UNUSABLE_M365_TENANT_ID: Final = 1024
