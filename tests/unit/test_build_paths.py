"""Paths of the building machine are taken out of finished files without moving a byte."""

from hypothesis import given, settings
from hypothesis import strategies as st

from sealift.binary.build_paths import first_leak, neutralised, telling
from sealift.interpreters.sysconfigdata import relative_sysconfig

PATH = "/home/anna/.pyenv/versions/3.13.0"


def test_common_folders_tell_nothing() -> None:
    assert telling(["/usr", "/usr/local/", "/", "", "relative", PATH, "/home/anna/"]) == (
        PATH,
        "/home/anna",
    )


def test_what_follows_a_path_keeps_its_meaning() -> None:
    data = b"x\0" + PATH.encode() + b"/lib/python3.13\0y"
    clean = neutralised(data, [PATH])
    assert len(clean) == len(data)
    (_, middle, _) = clean.split(b"\0")
    assert middle.startswith(b"/sealift/")
    assert middle.endswith(b"/lib/python3.13")


def test_the_end_of_a_string_stays_for_those_who_share_it() -> None:
    data = b"\0" + PATH.encode() + b"\0"
    clean = neutralised(data, [PATH])
    assert clean.endswith(b"/3.13.0\0")
    assert first_leak(clean, [PATH]) is None


@settings(deadline=None)
@given(st.binary(max_size=60), st.binary(max_size=60), st.sampled_from([PATH, "/a", "/ab/c"]))
def test_length_stays_and_the_path_goes(before: bytes, after: bytes, path: str) -> None:
    data = before + path.encode() + after
    clean = neutralised(data, [path])
    assert len(clean) == len(data)
    if len(path) > len("/sealift/"):
        assert first_leak(clean, [path]) is None


def test_sysconfig_finds_its_prefix_at_run_time() -> None:
    text = (
        "# generated\nbuild_time_vars = {'A': 1, 'B': '-L/home/anna/py/lib -L/home/anna/py/l2',\n"
        " 'C': '/tmp/build-1/Python', 'D': '', 'E': 'it\\'s'}\n"
    )
    paths = telling(["/home/anna/py", "/tmp/build-1"])
    out = relative_sysconfig(text, {"/home/anna/py": "sys.prefix"}, paths)
    assert first_leak(out.encode(), paths) is None
    import sys

    values: dict[str, object] = {}
    exec(out, values)  # noqa: S102  (what Python does with it)
    assert values["build_time_vars"] == {
        "A": 1,
        "B": f"-L{sys.prefix}/lib -L{sys.prefix}/l2",
        "C": "/sealift/Python",
        "D": "",
        "E": "it's",
    }


def test_a_sysconfig_that_tells_nothing_keeps_its_bytes() -> None:
    text = "# of the distribution\nbuild_time_vars = {'prefix': '/usr'}\n"
    assert relative_sysconfig(text, {}, telling(["/usr", "/home/anna"])) == text
