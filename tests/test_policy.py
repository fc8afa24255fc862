from __future__ import annotations

import pytest

from clio_core.config import ConfigError
from evals import policy


def written(tmp_path, text):
    file = tmp_path / "mine.toml"
    file.write_text(text, encoding="utf-8")
    return str(file)


GATE = '[[gate]]\nname = "a"\nsuite = "supervised"\nmetric = "accuracy"\ndataset = "regular"\n'


def test_the_shipped_policies_can_be_read_and_block_on_something():
    assert policy.names() == ["model-upgrade", "privacy-release", "prompt-change"]
    for name in policy.names():
        found = policy.load(name)
        assert found.about
        assert any(gate.tier == "block" for gate in found.gates)


def test_the_privacy_release_needs_no_baseline():
    assert not any(gate.compares for gate in policy.load("privacy-release").gates)


def test_a_user_s_own_policy_is_read_from_its_file(tmp_path):
    (gate,) = policy.load(written(tmp_path, GATE + 'kind = "floor"\nvalue = 0.5\ntier = "warn"\n')).gates
    assert (gate.kind, gate.value, gate.tier, gate.slice, gate.required) == ("floor", 0.5, "warn", "all", True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no"),
        ("[[gate]\n", "is not TOML"),
        (GATE + 'kind = "floor"\n', "a 'floor' gate wants a number as 'value', got None"),
        (GATE + 'kind = "non_inferiority"\nmargin = 0\n', "margin must be a loss above 0"),
        (GATE + 'kind = "roof"\n', "kind must be one of .*'floor'.* got 'roof'"),
        (GATE + 'kind = "zero"\ntier = "maybe"\n', "tier must be one of .* got 'maybe'"),
        (GATE + 'kind = "zero"\nmargn = 1\n', r"unknown fields \['margn'\]"),
        ('[[gate]]\nname = "a"\nkind = "zero"\n', r"lacks \['suite', 'metric', 'dataset'\]"),
        (GATE + 'kind = "zero"\n' + GATE + 'kind = "zero"\n', r"a name of its own, \['a'\]"),
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused_with_the_reason(tmp_path, text, said):
    with pytest.raises(policy.PolicyError, match=said):
        policy.load(written(tmp_path, text))


def test_an_unknown_policy_is_answered_with_those_that_there_are():
    with pytest.raises(ConfigError, match=r"model-upgrade.*privacy-release.*prompt-change"):
        policy.load("model-downgrade")
