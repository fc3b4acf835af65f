"""Credentials of package indexes in a keyring, asked for as uv does (``keyring-provider``)."""

import functools
import urllib.parse

from sealift import console, process
from sealift.errors import SealiftError
from sealift.tools import KEYRING

Login = tuple[str, str]


@functools.cache
def keyring_login(url: str, user: str) -> Login | None:
    """User and password that the program ``keyring`` has for the index at ``url``.

    It is asked for the address, then for the host; without a ``user`` for one, too, which takes
    keyring 25.2 or later.  ``None`` where there is no answer, as where there is no such program.
    """
    program = KEYRING.find()
    if program is None:
        console.warning(f"cannot ask the keyring for {url}: install it: {KEYRING.install}")
        return None
    for service in (url, urllib.parse.urlsplit(url).netloc):
        question = [service, user] if user else [service, "--mode", "creds"]
        try:
            answer = process.run([program, "get", *question]).rstrip("\r\n")
        except SealiftError:
            continue  # it knows none
        name, _, password = (user, "", answer) if user else answer.partition("\n")
        if name and password:
            return name, password.rstrip("\r\n")
    console.detail(f"the keyring has no credentials for {url}")
    return None
