"""A directory in memory, built from model objects or read from a document."""

from neo_routing_adapters.memory.directory import MemoryDirectory
from neo_routing_adapters.memory.document import DirectoryDocument, read_directory, read_document
from neo_routing_adapters.memory.problems import InvalidDirectory, Problem

__all__ = [
    "DirectoryDocument",
    "InvalidDirectory",
    "MemoryDirectory",
    "Problem",
    "read_directory",
    "read_document",
]
