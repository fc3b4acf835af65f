"""Sealift ships Python software to every platform from one machine."""

__version__ = "0.1.0"
