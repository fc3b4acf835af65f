"""What every provider of interpreters must do."""

import pytest

from sealift import plugins
from sealift.config import Settings
from sealift.errors import InterpreterError
from sealift.target import current_target, load_targets

NAMES = plugins.names("interpreters")


@pytest.fixture(params=NAMES)
def provider(request: pytest.FixtureRequest) -> plugins.Interpreters:
    found: plugins.Interpreters = plugins.load("interpreters", request.param)
    assert found.name == request.param
    return found


def test_it_keeps_the_protocol(provider: plugins.Interpreters) -> None:
    assert isinstance(provider, plugins.Interpreters)


@pytest.mark.parametrize("target", load_targets())
def test_it_answers_for_every_target_without_a_network(
    provider: plugins.Interpreters, target: str
) -> None:
    reason = provider.refuses("3.13", load_targets()[target], Settings())
    # A refusal is the end of a sentence that begins "cannot …:".
    assert reason is None or (reason and not reason.endswith("."))


def test_a_version_nobody_has_is_refused_and_not_found(provider: plugins.Interpreters) -> None:
    assert provider.refuses("2.99", current_target(), Settings())
    with pytest.raises(InterpreterError):
        provider.find("2.99", current_target(), Settings())
