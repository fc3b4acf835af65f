"""Readers and edits of native files: bytes in, frozen facts out, no opinions."""
