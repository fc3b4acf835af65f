"""Standard modules that lean on libraries and data."""

import sys


def secure():
    import ssl

    context = ssl.create_default_context()
    return {
        "version": ssl.OPENSSL_VERSION.split()[0],
        "roots": len(context.get_ca_certs()),
        "paths": list(ssl.get_default_verify_paths()),
    }


def connect(port, trusted):
    import socket
    import ssl

    context = ssl.create_default_context(cafile=trusted)
    with socket.create_connection(("localhost", int(port))) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as secured:
            return [secured.version(), secured.recv(16).decode()]


def database():
    import sqlite3

    with sqlite3.connect(":memory:") as connection:
        connection.execute("create table names (name text)")
        connection.executemany("insert into names values (?)", [("ä",), ("b",)])
        return [row[0] for row in connection.execute("select name from names order by name")]


def foreign():
    import ctypes
    import ctypes.util

    callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda value: value + 1)
    libc = ctypes.CDLL(None)
    libc.strlen.restype = ctypes.c_size_t
    return {
        "length": libc.strlen("grün".encode()),
        "callback": callback(41),
        "api": ctypes.pythonapi.Py_IsInitialized(),
    }


def zones():
    import datetime
    import zoneinfo

    moment = datetime.datetime(2024, 7, 1, 12, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"))
    return str(moment.utcoffset())


def compression():
    import bz2
    import gzip
    import lzma
    import zlib

    data = b"sealift" * 100
    return [
        module.decompress(module.compress(data)) == data for module in (bz2, gzip, lzma, zlib)
    ]


def others():
    import curses
    import decimal
    import hashlib
    import mmap
    import readline
    import uuid
    import xml.etree.ElementTree as tree

    return {
        "xml": tree.fromstring("<a><b/></a>")[0].tag,
        "decimal": str(decimal.Decimal("0.1") + decimal.Decimal("0.2")),
        "hash": hashlib.sha256(b"").hexdigest()[:8],
        "uuid": uuid.uuid5(uuid.NAMESPACE_DNS, "sealift").version,
        "modules": [m.__name__ in sys.modules for m in (curses, mmap, readline)],
    }
