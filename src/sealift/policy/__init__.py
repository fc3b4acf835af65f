"""What a system promises to the files that run on it; the lists and their grounds are data.

:mod:`~.system` tells which libraries are never shipped.  :mod:`~.ladder` has the policies that
platform tags stand for, each allowing what the older ones do.  :mod:`~.macos`, :mod:`~.windows` and
:mod:`~.android` know what belongs to those systems.
"""

from sealift.policy.system import Policy, load_policy

__all__ = ["Policy", "load_policy"]
