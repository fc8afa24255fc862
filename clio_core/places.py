"""Where the files that ship with the project stand: beside the packages, in a checkout and in a wheel alike."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROMPTS = ROOT / "prompts"
RECORDINGS = ROOT / "results" / "recordings"
