"""Wheels made to run on more machines: libraries grafted, names and search paths edited, retagged.

What a wheel needs is *planned* from its inventory by the module of its system; edits are recorded
and applied once a file; the result is judged like any other wheel, and its tag is what that
verdict says.  Same wheel, same libraries, same bytes.
"""
