"""``python -m sealift.crossenv``: environments with crossenv's command line."""
