from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys

import pytest

from clio_core.places import ROOT

# Who may import whom, among our own packages.
ALLOWED = {
    "clio_core": set(),
    "synthetic": {"clio_core"},
    "reports": {"clio_core"},
    "evals": {"clio_core", "synthetic", "reports", "clio_evals"},
}
OURS = {*ALLOWED, "clio_evals"}
DRAWING = {"matplotlib", "seaborn", "jinja2"}


def imported(package: str) -> set[tuple[str, str]]:
    """(file, top-level package) of every import in a package, those inside functions included."""
    found = set()
    for file in sorted((ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {(str(file.relative_to(ROOT)), alias.name.split(".")[0]) for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                found.add((str(file.relative_to(ROOT)), node.module.split(".")[0]))
    return found


@pytest.mark.parametrize("package", sorted(ALLOWED))
def test_imports_point_one_way(package):
    found = imported(package)
    assert found
    wrong = {(file, name) for file, name in found if name in OURS - {package} - ALLOWED[package]}
    assert not wrong


def test_the_core_knows_nothing_of_plots_or_html():
    assert not {(file, name) for file, name in imported("clio_core") if name in DRAWING}


def test_starting_the_command_line_loads_neither_inspect_nor_torch():
    if importlib.util.find_spec("evals.cli") is None:
        pytest.skip("there is no command line yet")
    code = "import sys, evals.cli; print(sorted({'inspect_ai', 'torch', 'sentence_transformers'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip() == "[]"
