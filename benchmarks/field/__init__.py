"""Verdicts on wheels from the index, held against those of auditwheel, delocate and delvewheel."""
