"""Paired measurements of how fast a product starts."""
