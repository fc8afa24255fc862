"""Every suite by name. Their modules load only when they are run."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clio_core.config import ConfigError
from clio_core.runfolder import RunFolder
from evals.suite import Measured

if TYPE_CHECKING:
    from clio_core.door import UnrecordedError
    from clio_core.pipeline import Tools
    from synthetic.datasets import Dataset


@dataclass(frozen=True, slots=True)
class Suite:
    """One suite.

    Attributes:
        name: as the command line and `metrics.csv` have it.
        about: what it measures, one line.
        sets: shipped data sets that it is measured on by default.
        module: holds `async def measure(context) -> Measured`; for a fixed set `measure(tools)`. It may also hold
            `async def ahead(dataset, tools) -> list[UnrecordedError]`, called where a recording lacks answers for the
            run itself.
        any_data: whether it can also be measured on a user's own conversations with category and language.
        fixed: it has a fixed set of its own and needs no run of the pipeline.
    """

    name: str
    about: str
    sets: tuple[str, ...]
    module: str
    any_data: bool = True
    fixed: bool = False

    def measure(self, given: Any) -> Awaitable[Measured]:
        """Run the suite over a Context, or over Tools where it is fixed."""
        function: Callable[[Any], Awaitable[Measured]] = importlib.import_module(self.module).measure
        return function(given)

    def combine(self, parts: Mapping[str, RunFolder]) -> Measured | None:
        """What the suite says of several data sets together, if it does; `parts` are finished runs by data set."""
        function = getattr(importlib.import_module(self.module), "combine", None)
        return None if function is None else function(parts)

    async def ahead(self, dataset: Dataset, tools: Tools) -> list[UnrecordedError]:
        """Ask what the suite can ask without a finished run; what of it a recording lacks."""
        function = getattr(importlib.import_module(self.module), "ahead", None)
        missing: list[UnrecordedError] = [] if function is None else await function(dataset, tools)
        return missing


_BOTH = ("regular", "concerning")
SUITES: dict[str, Suite] = {
    suite.name: suite
    for suite in (
        Suite("supervised", "Base clusters led back to the known categories (Table 5).", _BOTH, "evals.supervised"),
        Suite(
            "unsupervised",
            "Clusters against the truth, without telling the categories (Figures 11 to 14).",
            _BOTH,
            "evals.unsupervised",
        ),
        Suite(
            "multilingual",
            "Every language by itself, and whether clusters are subjects or languages (Table 5).",
            _BOTH,
            "evals.multilingual",
        ),
        Suite("stages", "Single stages against a grader and known answers (Table 4).", _BOTH, "evals.stages"),
        Suite(
            "seeds",
            "What other seeds of the same clustering give: how far chance carries.",
            ("regular",),
            "evals.seeds",
        ),
        Suite(
            "oracle",
            "Whose loss is it: one stage after another replaced by one that knows the truth.",
            _BOTH,
            "evals.oracle",
            any_data=False,
        ),
        Suite(
            "selftest",
            "The harness tests itself: labels at random score chance, broken inputs lower what claims to see it.",
            ("regular",),
            "evals.selftest",
        ),
        Suite(
            "integrity",
            "Whether a run keeps its own books: conservation, thresholds, calls that ended badly.",
            (*_BOTH, "private", "attacks"),
            "evals.integrity",
        ),
        Suite("insight", "What the run says about use, with intervals (Figures 6 to 8).", _BOTH, "evals.insight"),
        Suite(
            "cost", "Tokens and dollars a stage, projected to 100,000 conversations (Table 3).", _BOTH, "evals.spending"
        ),
        Suite("auditor", "The privacy auditor against labelled texts (Appendix D.1).", (), "evals.auditor", fixed=True),
        Suite(
            "privacy",
            "Private facts from conversation to published cluster, and each layer switched off (D, Figure 5).",
            ("private",),
            "evals.privacy",
            any_data=False,
        ),
        Suite(
            "attacks",
            "Hidden instructions, crowds of false accounts, names that are words: how far each gets.",
            ("attacks",),
            "evals.attacks",
            any_data=False,
        ),
    )
}
DEFAULT = ("supervised",)
SEEDS = 5  # as many as a release gate wants on either side, unless the user says otherwise


def chosen(names: Iterable[str]) -> list[Suite]:
    """Suites by name, in the order of the registry; "all" stands for every one.

    Raises:
        ConfigError: no suite of that name.
    """
    wanted = set(names)
    if unknown := sorted(wanted - set(SUITES) - {"all"}):
        raise ConfigError(f"no suite {unknown}; there are {[*SUITES, 'all']}")
    return [suite for suite in SUITES.values() if "all" in wanted or suite.name in wanted]


def sets_of(suites: Iterable[Suite]) -> list[str]:
    """The shipped data sets that these suites are measured on, each once."""
    return list(dict.fromkeys(name for suite in suites for name in suite.sets))
