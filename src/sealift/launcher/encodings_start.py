"""The package ``encodings``, as every interpreter of a product starts with it.

It is what CPython imports first in the main interpreter and in each subinterpreter, whose imports
nobody else could connect with the image.  Then it is the real one.
"""

from _imp import _fix_co_filename  # type: ignore[attr-defined]

import _sealift  # type: ignore[import-not-found]
import _sealift_importer  # type: ignore[import-not-found]

_sealift_importer.connect()
_flags, _index, _file = _sealift.find(_sealift_importer.settings["stdlib"] + "/encodings")
_code = _sealift.code(_index)
_fix_co_filename(_code, _file)
del _fix_co_filename, _sealift, _sealift_importer, _flags, _index, _file
exec(_code)  # noqa: S102  (the standard library's own code)
