"""Header fields are read as the standard library reads them."""

import email.parser

from hypothesis import given, settings
from hypothesis import strategies as st

from sealift.audit.headers import read_headers

_PIECES = (
    "Tag",
    "Requires-Dist",
    ":",
    ": ",
    " ",
    "\t",
    "\n",
    "\r",
    "\r\n",
    "\n\n",
    "ä",
    "\x0c",
    "a",
)


@given(text=st.lists(st.sampled_from(_PIECES)).map("".join))
@settings(max_examples=300)
def test_fields_are_those_of_the_standard_library(text: str) -> None:
    expected: dict[str, tuple[str, ...]] = {}
    for name, value in email.parser.HeaderParser().parsestr(text).items():
        key = name.lower()
        expected[key] = (*expected.get(key, ()), str(value).strip().replace("\r\n", "\n"))
    found = {key: values for key, values in read_headers(text).items() if key}
    assert found == {
        key: tuple(value.replace("\r", "\n") for value in values)
        for key, values in expected.items()
    }
