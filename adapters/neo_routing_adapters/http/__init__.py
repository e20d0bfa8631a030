"""The endpoint that creates chat sessions, as an ASGI application."""
