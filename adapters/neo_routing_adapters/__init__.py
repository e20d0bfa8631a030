"""Adapters of neo_routing: each module joins the core to one kind of store or user interface."""
