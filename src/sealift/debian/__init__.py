"""Debian's archive as a library: signed indexes, resolved packages, trees unpacked from them.

Nothing here runs a program of a package, so it works for every architecture and needs no rights.
"""
