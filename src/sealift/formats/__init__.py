"""How an image becomes an artifact: one module a format, found by entry point."""
