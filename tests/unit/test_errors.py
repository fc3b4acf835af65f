"""Every failure has its own exit status."""

from sealift.errors import BuildError, SealiftError, exit_statuses


def test_exit_statuses_are_not_shared_and_leave_click_its_own() -> None:
    statuses = exit_statuses()
    assert statuses[1] is SealiftError
    assert 2 not in statuses
    assert max(statuses) < 64


def test_an_error_keeps_its_grounds() -> None:
    error = BuildError("cannot build x", hint="install cc", details=["line"])
    assert (str(error), error.hint, error.details) == ("cannot build x", "install cc", ("line",))
