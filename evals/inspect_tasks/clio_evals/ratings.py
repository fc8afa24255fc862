"""Suite "auditor" as one sample a text: the model sees what the pipeline's audit would show it."""

from __future__ import annotations

from inspect_ai.dataset import Sample
from inspect_ai.model import ModelOutput
from inspect_ai.solver import Generate, Solver, TaskState, solver

from clio_evals.found import plain
from clio_evals.staged import tools_for
from evals import auditor, defaults
from synthetic.auditor_set import Judged


def texts(rows: tuple[Judged, ...]) -> list[Sample]:
    """A sample a text; its label is the target and reaches no prompt."""
    return [
        Sample(
            id=row.id,
            input=row.content,
            target="private" if row.private else "general",
            metadata={"kind": "item", "number": number, **known},
        )
        for number, (row, known) in enumerate(zip(rows, plain(auditor.items(auditor.unrated(rows))), strict=True))
    ]


@solver
def rate(rows: tuple[Judged, ...]) -> Solver:
    """Let the auditor rate the sample's text; the store then holds its row and whether it is on the right side."""
    by_id = {row.id: row for row in rows}

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        tools = tools_for(defaults.config(None), None, [])
        rated = await auditor.rate([by_id[str(state.sample_id)]], tools)
        (row,), (scored,) = plain(rated.to_dict("records")), plain(auditor.items(rated))
        state.store.set("row", row)
        state.store.set("score", scored["score"])
        (answer, *_) = tools.door.used[auditor.STAGE][::-1]
        state.output = ModelOutput.from_content(str(state.model), answer.text)
        return state

    return solve
