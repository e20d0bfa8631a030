"""The clouds in which Microsoft Entra ID runs, and who issues tokens there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from attrs import frozen

from neo_routing.names import Name


class EntraCloud(Name):
    """A cloud; nothing that one of them issues counts in another."""

    GLOBAL = "global"
    US_GOVERNMENT = "us_government"
    CHINA = "china"


@frozen(kw_only=True)
class _Hosts:
    v1: str
    v2: str


_HOSTS: Final[Mapping[EntraCloud, _Hosts]] = {
    EntraCloud.GLOBAL: _Hosts(v1="sts.windows.net", v2="login.microsoftonline.com"),
    EntraCloud.US_GOVERNMENT: _Hosts(v1="sts.windows.net", v2="login.microsoftonline.us"),
    EntraCloud.CHINA: _Hosts(v1="sts.chinacloudapi.cn", v2="login.partner.microsoftonline.cn"),
}


def issuer(cloud: EntraCloud, version: str, m365_tenant_id: str) -> str | None:
    """Return who issues tokens of a version ("1.0" or "2.0") for an M365 tenant; nobody does of another version.

    >>> issuer(EntraCloud.CHINA, "1.0", "9b1d")
    'https://sts.chinacloudapi.cn/9b1d/'
    """
    if version == "1.0":
        return f"https://{_HOSTS[cloud].v1}/{m365_tenant_id}/"
    return f"https://{_HOSTS[cloud].v2}/{m365_tenant_id}/v2.0" if version == "2.0" else None


def jwks_url(cloud: EntraCloud) -> str:
    """Return where the keys of a cloud are, those of all its M365 tenants."""
    return f"https://{_HOSTS[cloud].v2}/common/discovery/v2.0/keys"
