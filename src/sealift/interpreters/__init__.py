"""Where interpreters come from: one module a provider, found by entry point."""
