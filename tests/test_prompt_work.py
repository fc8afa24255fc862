from __future__ import annotations

import json
import shutil
from collections import Counter

import numpy as np
import pytest
from scripted import crowd, hashing_compute, obey, scripted
from typer.testing import CliRunner

from clio_core import embedding, overrides, projection, prompting
from clio_core.config import ROLES
from clio_core.loaders import dump_jsonl
from clio_core.places import PROMPTS
from clio_core.prompting import PromptError
from evals import execute, prompt_diffs, showing
from evals.cli import app

WIDE = {"COLUMNS": "240", "NO_COLOR": "1", "TERM": "dumb"}
LANGUAGES = ("English", "Hindi")
CATEGORIES = ("even", "odd")


def clio(*words):
    return CliRunner().invoke(app, [str(word) for word in words], env=WIDE)


def labelled(path, count=30):
    """A file of conversations that carry category and language."""
    dump_jsonl(crowd(count), path)
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for i, row in enumerate(rows):
        row |= {"category": CATEGORIES[i % 2], "language": LANGUAGES[i % 2]}
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def edited(folder, name="name_cluster.txt", *, text="CAREFULLY. ", version=2):
    """A folder whose only file is a shipped prompt with a word put before it."""
    folder.mkdir(exist_ok=True)
    shipped = (PROMPTS / name).read_text(encoding="utf-8")
    changed = shipped.replace("=== user\n", f"=== user\n{text}", 1).replace("version = 1", f"version = {version}", 1)
    (folder / name).write_text(changed, encoding="utf-8")
    return folder


def heeding(messages):
    """Obeys, and names otherwise where it is asked to be careful."""
    said = obey(messages)
    careful = any("CAREFULLY." in message.text for message in messages)
    return said.replace("<name>Help", "<name>Careful help") if careful else said


@pytest.fixture
def go(tmp_path, monkeypatch):
    """Run with a scripted model; gives the result and how often each stage really asked it."""
    monkeypatch.setattr(embedding, "compute", hashing_compute)
    # Neither the map nor the page makes a call, and both take longer than all the rest.
    monkeypatch.setattr(projection, "project", lambda vectors, seed, most: np.zeros((len(vectors), 2), np.float32))
    monkeypatch.setattr(showing, "finish", lambda folder: print(f"Folder: {folder}"))
    data = labelled(tmp_path / "mine.jsonl")

    def run(out, *words, script=heeding):
        model = scripted(script=script)
        monkeypatch.setattr(execute, "models_for", lambda config, pending: dict.fromkeys(ROLES, model))
        command = ("run", "--dataset", data, "--model", "scripted/test", "--k", "6", "--min-conversations", "2")
        done = clio(*command, "--min-accounts", "1", *(() if out is None else ("--out", out)), *words)
        stages = Counter(asked[0].metadata["clio"]["stage"] for asked in model.api.history)
        return done, stages

    return run


FOLLOWING = {"name", "assign:categories", "propose:1", "assign:1", "rename:1", "audit"}


def test_an_edited_naming_prompt_asks_for_names_and_what_follows_but_for_no_facet(go, tmp_path):
    first, all_calls = go(tmp_path / "before")
    assert first.exit_code == 0, first.output
    assert sum(all_calls[f"facet:{name}"] for name in ("request", "language", "concerning")) == 90
    own = edited(tmp_path / "own")
    done, calls = go(tmp_path / "after", "--prompts", own, "--base", tmp_path / "before")
    assert done.exit_code == 0, done.output
    assert set(calls) == FOLLOWING
    assert calls["name"] == all_calls["name"]
    assert "90 answers were taken over" in " ".join(done.stderr.split())
    manifest = json.loads((tmp_path / "after" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["adopted"] == 90
    assert manifest["prompts"]["name_cluster"]["version"] == 2
    # Without an earlier run every call is made anew.
    _, anew = go(tmp_path / "anew", "--prompts", own)
    assert sum(anew.values()) == sum(calls.values()) + 90


def test_where_the_new_names_are_the_old_ones_nothing_follows(go, tmp_path):
    go(tmp_path / "before", script=obey)
    _, calls = go(tmp_path / "after", "--prompts", edited(tmp_path / "own"), "--base", tmp_path / "before", script=obey)
    assert set(calls) == {"name"}


def test_with_nothing_changed_an_earlier_run_answers_everything(go, tmp_path):
    go(tmp_path / "before")
    _, calls = go(tmp_path / "after", "--base", tmp_path / "before")
    assert not calls


def test_a_run_keeps_what_it_took_over_and_only_that(go, tmp_path):
    go(tmp_path / "before")
    own = edited(tmp_path / "own")
    go(tmp_path / "after", "--prompts", own, "--base", tmp_path / "before")
    shutil.rmtree(tmp_path / "before")
    again, calls = go(tmp_path / "after", "--prompts", own)
    assert again.exit_code == 0, again.output
    assert not calls  # the new folder's own journal holds it all
    stages = Counter(
        json.loads(line)["stage"] for line in (tmp_path / "after" / "calls.jsonl").read_text("utf-8").splitlines()
    )
    assert stages["name"] == 6  # not those of the old wording as well


def test_the_earlier_run_is_left_as_it_was(go, tmp_path):
    go(tmp_path / "before")
    torn = (tmp_path / "before" / "calls.jsonl").read_bytes() + b'{"key": "tor'
    (tmp_path / "before" / "calls.jsonl").write_bytes(torn)
    done, calls = go(tmp_path / "after", "--base", tmp_path / "before")
    assert done.exit_code == 0, done.output
    assert not calls
    assert (tmp_path / "before" / "calls.jsonl").read_bytes() == torn


def test_own_prompts_without_an_earlier_run_say_in_a_line_what_would_save_calls(go, tmp_path):
    go(tmp_path / "before")
    own = edited(tmp_path / "own")
    alone, _ = go(tmp_path / "one", "--prompts", own)
    both, _ = go(tmp_path / "two", "--prompts", own, "--base", tmp_path / "before")
    assert "--base RUN takes over the answers" in alone.stderr
    assert "--base RUN" not in both.stderr


def test_a_base_in_which_nothing_was_answered_is_refused(go, tmp_path):
    (tmp_path / "empty").mkdir()
    done, calls = go(tmp_path / "after", "--base", tmp_path / "empty")
    assert done.exit_code == 2
    assert "calls.jsonl" in done.stderr
    assert not calls
    assert not (tmp_path / "after").exists()


def test_each_part_of_a_session_takes_over_from_its_own_part(tmp_path):
    for name in ("regular", "concerning"):
        (tmp_path / "session" / name).mkdir(parents=True)
        (tmp_path / "session" / name / "calls.jsonl").write_text("", encoding="utf-8")
    assert execute.lent(tmp_path / "session", "concerning") == tmp_path / "session" / "concerning"
    assert execute.lent(tmp_path / "session", "private") is None
    # A run over one data set lends to every part; what another set asks is simply not in it.
    assert execute.lent(tmp_path / "session" / "regular", "concerning") == tmp_path / "session" / "regular"


# What may stand in a folder of own prompts.


def test_a_slip_in_a_file_s_name_is_refused_with_the_list_of_names(go, tmp_path):
    own = edited(tmp_path / "own")
    (own / "name_cluster.txt").rename(own / "name_clusters.txt")
    done, calls = go(tmp_path / "run", "--prompts", own)
    assert done.exit_code == 2
    said = " ".join(done.stderr.split())
    assert "nothing reads ['name_clusters.txt']; did you mean ['name_cluster.txt']?" in said
    assert "'facets/request.toml'" in said
    assert not calls
    assert not (tmp_path / "run").exists()


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(PromptError, match="no folder of prompt files"):
        overrides.check(tmp_path / "nowhere")


def test_a_copy_of_all_shipped_prompts_is_a_folder_of_own_prompts(tmp_path):
    shutil.copytree(PROMPTS, tmp_path / "own")
    (tmp_path / "own" / ".DS_Store").write_bytes(b"\x00\xff")
    overrides.check(tmp_path / "own")
    assert overrides.texts(tmp_path / "own", ()) == prompting.texts()


def test_what_all_prompts_share_cannot_be_replaced_unseen(tmp_path):
    shutil.copytree(PROMPTS / "parts", tmp_path / "own" / "parts")
    file = tmp_path / "own" / "parts" / "prefill_as_request.toml"
    file.write_text(file.read_text(encoding="utf-8").replace("reply", "answer"), encoding="utf-8")
    with pytest.raises(PromptError, match="only whole prompts can be replaced"):
        overrides.check(tmp_path / "own")


def test_a_prompt_with_other_inputs_is_refused_before_anything_is_asked(tmp_path):
    own = edited(tmp_path / "own", "audit.txt")
    text = (own / "audit.txt").read_text(encoding="utf-8")
    names = prompting.load("audit").inputs
    for name in names:
        text = text.replace(f"${name}", "it").replace(f'"{name}"', "")
    (own / "audit.txt").write_text(text, encoding="utf-8")
    with pytest.raises(PromptError, match=r"a prompt 'audit' is given \[.*\], this one takes \[\]"):
        overrides.check(own)


def test_a_role_that_nobody_plays_is_refused(tmp_path):
    own = edited(tmp_path / "own")
    text = (own / "name_cluster.txt").read_text(encoding="utf-8")
    (own / "name_cluster.txt").write_text(text.replace('role = "namer"', 'role = "nmaer"'), encoding="utf-8")
    with pytest.raises(PromptError, match=r"role must be one of .*'nmaer'"):
        overrides.check(own)


def test_a_facet_of_one_s_own_stands_among_the_prompts_only_where_it_is_asked(tmp_path):
    (tmp_path / "own" / "facets").mkdir(parents=True)
    shipped = (PROMPTS / "facets" / "request.toml").read_text(encoding="utf-8")
    mine = shipped.replace('name = "request"', 'name = "wish"')
    (tmp_path / "own" / "facets" / "wish.toml").write_text(mine, encoding="utf-8")
    overrides.check(tmp_path / "own", ("request", "wish"))
    assert overrides.texts(tmp_path / "own", ("wish",))["facets/wish.toml"] == mine
    with pytest.raises(PromptError, match=r"nothing reads \['facets/wish\.toml'\]"):
        overrides.check(tmp_path / "own", ("request",))


def test_an_edited_prompt_is_another_run_with_a_folder_of_its_own(go, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own = edited(tmp_path / "own")

    def folder(prompts):
        return go(None, "--prompts", prompts)[0].output.splitlines()[-1]

    first = folder(own)
    assert first.startswith("Folder: results/runs/mine")
    assert first == folder(own)
    shutil.copytree(own, tmp_path / "moved")
    assert first == folder(tmp_path / "moved")
    edited(own, text="MORE CAREFULLY. ")
    assert first != folder(own)


# prompts diff


def test_diff_shows_text_versions_and_digests_against_the_shipped_ones(tmp_path):
    own = edited(tmp_path / "own")
    shutil.copy(PROMPTS / "audit.txt", own / "audit.txt")
    done = clio("prompts", "diff", "--prompts", own)
    assert done.exit_code == 0, done.output
    before, after = prompting.load("name_cluster"), prompting.load("name_cluster", own)
    assert f"name_cluster.txt: version 1 ({before.digest[:8]}) -> version 2 ({after.digest[:8]})" in done.output
    assert "-version = 1" in done.output
    assert "+version = 2" in done.output
    assert "+CAREFULLY. Some statements" in done.output
    assert "1 of 2 prompt files differ from the shipped ones, 1 are the same." in done.output
    assert "Warning" not in done.output


def test_diff_warns_of_a_text_that_changed_under_the_same_version(tmp_path):
    done = clio("prompts", "diff", "--prompts", edited(tmp_path / "own", version=1))
    assert "Warning: ['name_cluster.txt'] changed under the same version." in done.output


def test_diff_also_takes_the_prompts_that_a_run_used(go, tmp_path):
    go(tmp_path / "run", "--prompts", edited(tmp_path / "own"))
    done = clio("prompts", "diff", "--run", tmp_path / "run")
    assert done.exit_code == 0, done.output
    assert "+CAREFULLY. Some statements" in done.output
    assert f"1 of {len(prompting.texts())} prompt files differ" in done.output


@pytest.mark.parametrize("words", [(), ("--prompts", "here", "--run", "there")])
def test_diff_wants_one_of_folder_and_run(words):
    done = clio("prompts", "diff", *words)
    assert done.exit_code == 2
    assert "either --prompts DIR or --run RUN" in done.stderr


def test_a_file_that_only_one_side_has_is_shown_whole():
    (change,) = prompt_diffs.changed({}, {"facets/wish.toml": "version = 3\n"}, ("shipped", "own"))
    assert change.described == f"not there -> version 3 ({change.digests[1][:8]})"
    assert change.diff == "--- shipped/facets/wish.toml\n+++ own/facets/wish.toml\n@@ -0,0 +1 @@\n+version = 3\n"
    assert not change.same_version


def test_a_last_line_without_its_end_does_not_run_into_the_next():
    (change,) = prompt_diffs.changed({"parts/a.toml": "one\ntwo"}, {"parts/a.toml": "one\nthree"})
    assert change.diff.splitlines()[-2:] == ["-two", "+three"]
