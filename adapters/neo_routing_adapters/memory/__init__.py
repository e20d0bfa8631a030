"""A directory in memory, built from model objects or read from a document."""

from neo_routing_adapters.memory.directory import MemoryDirectory
from neo_routing_adapters.memory.document import read_directory

__all__ = ["MemoryDirectory", "read_directory"]
