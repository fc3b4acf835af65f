"""What has to be minded with asn1crypto, which writes messages and timestamps."""

import threading

ASN1 = threading.RLock()
"""Held while its classes are used: they finish themselves at first use, as if there were one
thread.  Not while a server is waited for."""
