"""What a gate leaves behind: `verdict.json`, JUnit XML, a summary for GitHub, and lines for a terminal."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from rich.table import Table
from rich.text import Text

from evals.gating import EXIT_CODES, Judgement, Verdict
from evals.policy import Policy
from reports import words

GITHUB_LIMIT = 1_000_000  # bytes; GitHub refuses a step's summary over 1 MiB
_COLOURS = {Verdict.PASS: "green", Verdict.WARN: "yellow", Verdict.FAIL: "bold red", Verdict.INCONCLUSIVE: "magenta"}
_MARKS = {Verdict.PASS: "✅", Verdict.WARN: "⚠️", Verdict.FAIL: "❌", Verdict.INCONCLUSIVE: "❔"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """A policy's whole outcome.

    Attributes:
        policy: which one.
        base, candidate: folders of the runs, as they were given.
        verdict: over all gates.
        judgements: each gate's.
    """

    policy: Policy
    base: str
    candidate: str
    verdict: Verdict
    judgements: tuple[Judgement, ...]

    @property
    def exit_code(self) -> int:
        """0 for PASS and WARN, 100 for FAIL, 101 for INCONCLUSIVE."""
        return EXIT_CODES[self.verdict]


def _shown(judgement: Judgement) -> str:
    """A gate's verdict as shown: what is not passed in the tier "warn" is a warning."""
    if judgement.skipped:
        return "skipped"
    warned = judgement.gate.tier == "warn" and judgement.verdict is not Verdict.PASS
    return Verdict.WARN.value if warned else judgement.verdict.value


def as_json(outcome: Outcome) -> dict[str, Any]:
    """The outcome as plain data; numbers that are missing are null."""

    def number(value: float) -> float | None:
        return None if math.isnan(value) else value

    return {
        "verdict": outcome.verdict.value,
        "exit_code": outcome.exit_code,
        "policy": outcome.policy.name,
        "base": outcome.base,
        "candidate": outcome.candidate,
        "gates": [
            {
                "name": j.gate.name,
                "verdict": _shown(j),
                "measured": j.verdict.value,
                "tier": j.gate.tier,
                "kind": j.gate.kind,
                "metric": f"{j.gate.suite}.{j.gate.metric}",
                "dataset": j.gate.dataset,
                "slice": j.gate.slice,
                "said": j.said,
                "wanted": j.wanted,
                "named": list(j.named),
                "method": j.method,
                **{key: number(getattr(j, key)) for key in ("base", "candidate", "difference", "low", "high")},
            }
            for j in outcome.judgements
        ],
    }


def junit(outcome: Outcome) -> bytes:
    """JUnit XML: a test case a gate. INCONCLUSIVE is an error; a warning is skipped, with its words."""
    suite = ElementTree.Element("testsuite", name=f"clio-evals gate: {outcome.policy.name}")
    counts = {"failures": 0, "errors": 0, "skipped": 0}
    for j in outcome.judgements:
        place = f"{j.gate.dataset}.{j.gate.suite}.{j.gate.metric}"
        case = ElementTree.SubElement(suite, "testcase", name=j.gate.name, classname=place)
        text = _xml(j.said + (f". To settle it: {j.wanted}" if j.wanted else ""))
        shown = _shown(j)
        if shown == Verdict.PASS.value:
            ElementTree.SubElement(case, "system-out").text = text
            continue
        tag, key = {
            Verdict.FAIL.value: ("failure", "failures"),
            Verdict.INCONCLUSIVE.value: ("error", "errors"),
        }.get(shown, ("skipped", "skipped"))
        counts[key] += 1
        ElementTree.SubElement(case, tag, message=text if tag != "skipped" else f"{shown}: {text}")
    suite.set("tests", str(len(outcome.judgements)))
    for key, count in counts.items():
        suite.set(key, str(count))
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    written: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _xml(text: str) -> str:
    """Without control characters, which XML does not allow even when they are escaped."""
    return "".join(c for c in text if c in "\t\n" or c.isprintable())


def markdown(outcome: Outcome, limit: int = GITHUB_LIMIT) -> str:
    """A summary in GitHub's Markdown, at most `limit` bytes: what does not pass comes first and is kept longest."""
    head = [
        f"## {_MARKS[outcome.verdict]} {outcome.verdict.value}: {outcome.policy.name}",
        f"`{outcome.candidate}` against `{outcome.base}`",
        "",
        "| gate | verdict | measured | to settle it |",
        "|---|---|---|---|",
    ]
    ordered = sorted(outcome.judgements, key=lambda j: _shown(j) in (Verdict.PASS.value, "skipped"))
    lines = [f"| {_cell(j.gate.name)} | {_shown(j)} | {_cell(j.said)} | {_cell(j.wanted)} |" for j in ordered]
    kept = list(head)
    for number, line in enumerate(lines):
        rest = f"\n{len(lines) - number} more gates stand in `verdict.json`."
        if len("\n".join([*kept, line, rest]).encode()) > limit:
            return "\n".join([*kept, rest]) + "\n"
        kept.append(line)
    return "\n".join(kept) + "\n"


def _cell(text: str) -> str:
    return words.printable(text).replace("|", "\\|") or " "


def write(outcome: Outcome, out: Path, junit_file: Path | None, summary: Path | None) -> Path:
    """Write `verdict.json` into `out`, JUnit XML where asked, and append the summary where asked; returns the first."""
    out.mkdir(parents=True, exist_ok=True)
    file = out / "verdict.json"
    file.write_text(json.dumps(as_json(outcome), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    if junit_file is not None:
        junit_file.parent.mkdir(parents=True, exist_ok=True)
        junit_file.write_bytes(junit(outcome))
    if summary is not None:
        # GitHub's limit holds for the whole file, which other commands of the step may have written to.
        before = summary.stat().st_size if summary.exists() else 0
        with summary.open("a", encoding="utf-8") as stream:
            stream.write(markdown(outcome, max(1_000, GITHUB_LIMIT - before)))
    return file


def console(outcome: Outcome) -> Sequence[Table | Text]:
    """The outcome for a terminal."""
    table = Table(
        title=Text(f"{outcome.policy.name}: {outcome.candidate} against {outcome.base}"), title_justify="left"
    )
    table.add_column("gate", max_width=34)
    table.add_column("verdict", no_wrap=True)
    table.add_column("measured", overflow="fold")
    for j in outcome.judgements:
        shown = _shown(j)
        colour = _COLOURS.get(Verdict(shown), "") if shown != "skipped" else "dim"
        said = [words.printable(text) for text in (j.said, f"To settle it: {j.wanted}" if j.wanted else "") if text]
        table.add_row(Text(words.printable(j.gate.name)), Text(shown, style=colour), Text("\n".join(said)))
    return [table, Text(outcome.verdict.value, style=_COLOURS[outcome.verdict])]
