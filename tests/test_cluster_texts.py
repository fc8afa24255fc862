from __future__ import annotations

from dataclasses import replace

import pytest
from typer.testing import CliRunner

from evals.cli import app
from synthetic import auditor_set
from synthetic.auditor_set import AuditorSet
from synthetic.checks import cluster_texts


@pytest.fixture(scope="module")
def shipped():
    return auditor_set.read()


def spoiled(data, ident, **changes):
    """The set with one row changed."""
    return AuditorSet(tuple(replace(r, **changes) if r.id == ident else r for r in data.rows), data.hash)


def verdicts(data):
    return {c.name: (c.passed, c.findings) for c in cluster_texts.check(data)}


def test_the_shipped_set_is_half_private_in_250_pairs_and_passes(shipped):
    assert len(shipped.rows) == 800
    assert sum(row.private for row in shipped.rows) == 400
    assert len(cluster_texts.pairs(shipped)) == 250
    assert all(passed for passed, _ in verdicts(shipped).values())


def test_a_twin_that_was_rewritten_is_named(shipped):
    private, clean = cluster_texts.pairs(shipped)[0]
    passed, findings = verdicts(spoiled(shipped, clean.id, name="Sing", description="They sang."))["twins alike"]
    assert not passed
    assert private.id in findings[0]
    assert clean.id in findings[0]


def test_a_copy_with_another_ending_is_named(shipped):
    single = [row for row in shipped.rows if not row.pair]
    copied = spoiled(shipped, single[1].id, name=single[0].name, description=single[0].description + " Indeed.")
    passed, findings = verdicts(copied)["near duplicates"]
    assert not passed
    assert {single[0].id, single[1].id} <= set(findings[0].replace(":", "").split())


def test_a_script_that_is_not_there_is_named(shipped):
    row = next(row for row in shipped.rows if row.private and row.script == "latin")
    passed, findings = verdicts(spoiled(shipped, row.id, script="georgian"))["script as named"]
    assert not passed
    assert findings == (f"{row.id}: called georgian, holds Latin letters only",)


def test_a_name_of_eleven_words_is_named(shipped):
    row = shipped.rows[0]
    passed, findings = verdicts(
        spoiled(shipped, row.id, name="one two three four five six seven eight nine ten eleven")
    )["words of a name"]
    assert not passed
    assert findings == (f"{row.id}: 11 words",)


def test_a_set_whose_private_twins_are_longer_gives_itself_away(shipped):
    longer = [replace(r, description=r.description * 2) if r.private else r for r in shipped.rows]
    assert not verdicts(AuditorSet(tuple(longer), ""))["length of twins"][0]


def test_check_data_checks_the_auditor_s_set_too():
    done = CliRunner().invoke(app, ["check-data", "auditor"], env={"COLUMNS": "120", "TERM": "dumb"})
    assert done.exit_code == 0, done.output
    assert "auditor, 800 cluster texts" in done.output
    assert "twins alike" in done.output
