"""Environments for cross-building by hand, with the commands that crossenv has."""
