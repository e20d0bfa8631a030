"""The versions of the endpoint's tables, one file each."""
