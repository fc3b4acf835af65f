"""What a program asks to be allowed under the hardened runtime, in the two forms of a signature.

Formats: an XML property list, and the same in DER as macOS 12 and newer read it (a version, then
the pairs sorted by key, with Apple's own tags around them).
"""

import plistlib
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from sealift.errors import ConfigError

Value: TypeAlias = "bool | int | str | list[Value] | Mapping[str, Value]"

EXECUTABLE_MEMORY = "com.apple.security.cs.allow-unsigned-executable-memory"
# libffi writes code for callbacks where its platform gives it no prepared one.
_WRITE_CODE = ("_ctypes.", "_cffi_backend.")

_BOOLEAN, _INTEGER, _STRING, _SEQUENCE, _PLIST, _DICTIONARY = 0x01, 0x02, 0x0C, 0x30, 0x70, 0xB0


def needed(paths: Iterable[str]) -> dict[str, Value]:
    """What the native files at ``paths`` need to work under the hardened runtime.

    >>> needed(["lib/python3.13/lib-dynload/_ctypes.cpython-313-darwin.so"])
    {'com.apple.security.cs.allow-unsigned-executable-memory': True}
    >>> needed(["lib/python3.13/lib-dynload/_json.cpython-313-darwin.so"])
    {}
    """
    names = (path.rpartition("/")[2] for path in paths)
    return {EXECUTABLE_MEMORY: True} if any(name.startswith(_WRITE_CODE) for name in names) else {}


def as_xml(entitlements: Mapping[str, Value]) -> bytes:
    """``entitlements`` as an XML property list."""
    return plistlib.dumps(dict(entitlements), sort_keys=True)


def as_der(entitlements: Mapping[str, Value]) -> bytes:
    """``entitlements`` in DER.

    Raises :class:`ConfigError` for values that this form has no place for.

    >>> as_der({"key": True}).hex(" ")
    '70 0f 02 01 01 b0 0a 30 08 0c 03 6b 65 79 01 01 ff'
    """
    return _tagged(_PLIST, _encoded(1) + _encoded(entitlements))


def _encoded(value: Value) -> bytes:
    match value:
        case bool():
            return _tagged(_BOOLEAN, b"\xff" if value else b"\0")
        case int():
            return _tagged(
                _INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)
            )
        case str():
            return _tagged(_STRING, value.encode())
        case list():
            return _tagged(_SEQUENCE, b"".join(map(_encoded, value)))
        case Mapping():
            pairs = (_encoded(key) + _encoded(value[key]) for key in sorted(value))
            return _tagged(_DICTIONARY, b"".join(_tagged(_SEQUENCE, pair) for pair in pairs))
        case _:
            raise ConfigError(
                f"cannot sign with the entitlement {value!r}: it is to be true or false, a whole "
                "number, a string, a list or a table"
            )


def _tagged(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content
