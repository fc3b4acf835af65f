"""Looks at Python from inside a product."""

GREETING = "grüße"
