"""What a decision draws attention to without refusing: a closed set of codes."""

from __future__ import annotations

from neo_routing.names import Name


class WarningCode(Name):
    """Something in the request that had no effect, or that someone should look at."""

    BOT_ID_IGNORED = "bot_id_ignored"
    BOT_UNKNOWN = "bot_unknown"
    CHANNEL_PAUSED = "channel_paused"
    CLIENT_ID_OVERRIDDEN = "client_id_overridden"
    INBOUND_TENANT_ID_IGNORED = "inbound_tenant_id_ignored"
    INBOUND_TENANT_ID_WITHOUT_BOT_ID = "inbound_tenant_id_without_bot_id"
    UNKNOWN_FIELD_IGNORED = "unknown_field_ignored"
    WHITE_LABEL_BOT_NOT_INSTALLED = "white_label_bot_not_installed"
