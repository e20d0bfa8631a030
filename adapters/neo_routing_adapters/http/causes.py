"""Why nobody was authenticated: for the log alone, because every one of these is answered alike."""

from __future__ import annotations

from neo_routing.names import Name


class Cause(Name):
    """A closed set: what was wrong with the credentials, first of the header, then of a key, then of a token."""

    NO_CREDENTIALS = "no_credentials"
    MALFORMED_HEADER = "malformed_header"
    OVERSIZED = "oversized"
    KEYS_NOT_ACCEPTED = "keys_not_accepted"
    TOKENS_NOT_ACCEPTED = "tokens_not_accepted"

    MALFORMED_KEY = "malformed_key"
    KEY_OF_ANOTHER_ENVIRONMENT = "key_of_another_environment"
    UNKNOWN_KEY = "unknown_key"
    REVOKED_KEY = "revoked_key"
    EXPIRED_KEY = "expired_key"

    MALFORMED_TOKEN = "malformed_token"  # noqa: S105  # a name
    WRONG_ALGORITHM = "wrong_algorithm"
    UNSUPPORTED_HEADER = "unsupported_header"
    UNKNOWN_SIGNING_KEY = "unknown_signing_key"
    WRONG_SIGNATURE = "wrong_signature"
    SIGNING_KEY_OF_ANOTHER_ISSUER = "signing_key_of_another_issuer"
    ILL_FORMED_CLAIM = "ill_formed_claim"
    EXPIRED_TOKEN = "expired_token"  # noqa: S105  # a name
    TOKEN_NOT_YET_VALID = "token_not_yet_valid"  # noqa: S105  # a name
    WRONG_ISSUER = "wrong_issuer"
    WRONG_AUDIENCE = "wrong_audience"
    NO_USER = "no_user"
    MISSING_SCOPE = "missing_scope"
    UNKNOWN_CLIENT = "unknown_client"
    GUEST = "guest"
    TENANT_NOT_LINKED = "tenant_not_linked"
