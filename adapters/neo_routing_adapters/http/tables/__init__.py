"""The tables beside a directory's: sessions, API keys, and links of Entra's tenants to ours."""
