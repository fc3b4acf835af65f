"""What is known of the builds of packages: which options it becomes, and on which systems."""

from sealift.config import BuildOptions
from sealift.cross.known import with_known
from sealift.target import load_targets

WINDOWS, LINUX = load_targets()["windows-x86_64"], load_targets()["linux-aarch64"]


def test_what_is_known_for_one_system_is_for_that_alone() -> None:
    known = with_known("setproctitle", BuildOptions(), WINDOWS)
    assert known.environment["CPPFLAGS"].startswith("-Wno-error=")
    assert with_known("setproctitle", BuildOptions(), LINUX) == BuildOptions()


def test_the_user_s_word_wins() -> None:
    own = BuildOptions(environment={"CPPFLAGS": "-O1"}, config_settings={"setup-args": ("-Da=b",)})
    options = with_known("setproctitle", own, WINDOWS)
    assert options.environment["CPPFLAGS"] == "-O1"
    assert options.config_settings == own.config_settings


def test_what_is_known_everywhere_holds_on_every_system() -> None:
    for target in (WINDOWS, LINUX):
        assert with_known("pillow", BuildOptions(), target).optional == ("PIL._avif",)


def test_what_is_known_for_one_cpu_is_for_that_alone() -> None:
    flags = {
        name: with_known("greenlet", BuildOptions(), load_targets()[name]).environment
        for name in ("linux-armv7l", "linux-armv7l-musl", "linux-ppc64le", "linux-aarch64")
    }
    assert "-fno-omit-frame-pointer" in flags["linux-armv7l"]["CPPFLAGS"]
    assert flags["linux-armv7l-musl"] == flags["linux-armv7l"]
    assert "-fomit-frame-pointer" in flags["linux-ppc64le"]["CPPFLAGS"]
    assert flags["linux-aarch64"] == {}
