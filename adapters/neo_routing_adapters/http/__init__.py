"""The endpoint `POST /public-api/chat/sessions`: who calls, what is decided, and what is kept of it."""
