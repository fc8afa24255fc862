from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pandas as pd
import pytest
from conftest import DEFAULTS
from typer.testing import CliRunner

from clio_core.config import ConfigError
from clio_core.door import UnrecordedError
from clio_core.places import RECORDINGS
from clio_core.runfolder import RunFolderError
from evals import session, suites
from evals.cli import app
from reports import tables
from synthetic.datasets import open_dataset


def clio(*words):
    return CliRunner().invoke(app, [str(w) for w in words], env={"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"})


def thinned(tmp_path, *, without):
    """The reference recording without the answers of some stages."""
    recording = shutil.copytree(RECORDINGS / "reference", tmp_path / "thin")
    file = recording / "answers.jsonl"
    rows = [line for line in file.read_text(encoding="utf-8").split("\n") if line]
    kept = [line for line in rows if not json.loads(line)["stage"].startswith(without)]
    assert 0 < len(kept) < len(rows)
    file.write_text("".join(line + "\n" for line in kept), encoding="utf-8")
    return recording


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Both default sets, a slice of each, in one session."""
    out = tmp_path_factory.mktemp("session") / "run"
    done = clio("run", "--n", "40", "--missing", "local", "--out", out)
    assert done.exit_code == 0, done.output
    return out, done


def test_a_session_holds_a_run_a_data_set_and_their_metrics_together(both):
    out, _ = both
    assert list(session.parts(out)) == ["regular", "concerning"]
    whole = pd.read_csv(out / "metrics.csv", dtype=str, keep_default_na=False)
    parts = [pd.read_csv(out / name / "metrics.csv", dtype=str, keep_default_na=False) for name in session.parts(out)]
    pd.testing.assert_frame_equal(whole, pd.concat(parts, ignore_index=True))
    assert set(whole["dataset"]) == {"regular", "concerning"}


def test_a_session_s_page_holds_every_part_under_ids_of_its_own(both):
    out, _ = both
    page = (out / "report.html").read_text(encoding="utf-8")
    for name in ("regular", "concerning"):
        assert f'<article id="{name}">' in page
        assert page.count(f'id="plot-{name}-supervised_languages"') == 1
    ids = [part.split('"')[0] for part in page.split(' id="')[1:]]
    assert len(ids) == len(set(ids))


def test_calls_that_the_recording_lacks_are_answered_locally_counted_and_told(both):
    out, done = both
    report = tables.read_report(out / "regular")
    lacking = int(report.unrecorded["calls"].sum())
    assert lacking > 0
    # 40 conversations: their facets are recorded, the clusters of so small a slice are not.
    assert not report.unrecorded["stage"].str.startswith("facet").any()
    assert report.manifest["unrecorded"] == lacking
    assert f"{lacking} calls were not in the recording; local/extractive answered them." in done.output
    page = (out / "report.html").read_text(encoding="utf-8")
    assert f"{lacking} calls were not in the recording and were answered by local/extractive." in page
    pending = (out / "regular" / "pending.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(pending) == lacking  # they are still written down, to be answered


def test_without_a_stand_in_the_same_run_stops_and_names_what_all_parts_lack(tmp_path):
    done = clio("run", "--n", "40", "--missing", "stop", "--out", tmp_path / "run")
    assert done.exit_code == 3
    assert "stage 'name'" in done.stderr
    assert (tmp_path / "run" / "regular" / "pending.jsonl").exists()
    assert (tmp_path / "run" / "concerning" / "pending.jsonl").exists()


def test_a_missing_facet_is_never_stood_in_for(tmp_path):
    recording = thinned(tmp_path, without="facet")
    data = open_dataset("regular").first(20)
    config = replace(DEFAULTS, model=f"recorded/{recording}", missing="local")
    part = session.Part("regular", data, config, tuple(suites.chosen(suites.DEFAULT)))
    with pytest.raises(UnrecordedError, match="60 of 60 calls"):
        session.run([part], tmp_path / "run")


def test_suites_and_data_sets_that_do_not_fit_are_refused_with_the_list():
    with pytest.raises(ConfigError, match=r"no suite.*superviced.*supervised"):
        suites.chosen(["superviced"])
    only = [suites.SUITES["supervised"]]
    with pytest.raises(ConfigError, match="clio-evals suites"):
        session.parts_of(only, [open_dataset("private")], lambda _: DEFAULTS)
    named = session.parts_of(only, [open_dataset("private")], lambda _: DEFAULTS, named=True)
    assert [part.name for part in named] == ["private"]


def test_a_folder_that_is_no_run_is_named(tmp_path):
    with pytest.raises(RunFolderError, match=r"no manifest\.json"):
        session.parts(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()
