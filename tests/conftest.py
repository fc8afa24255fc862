"""What every test can count on: no network, no traces outside the test's own folders, and one finished run to read."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# huggingface_hub reads this once, when it is imported, so it has to stand before any test module is.
os.environ["HF_HUB_OFFLINE"] = "1"

import pytest

from clio_core.config import Config
from evals import execute
from synthetic.datasets import Dataset, open_dataset

# The settings of `clio-evals run` without options.
DEFAULTS = Config(min_conversations=4, min_accounts=3, name_held_back=True, quote=True)


def is_local(host: object) -> bool:
    """Whether a host, as sockets take it, is this machine."""
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost"):
        return True
    try:
        return ipaddress.ip_address(str(name).partition("%")[0]).is_loopback
    except ValueError:
        return False


@pytest.fixture(autouse=True)
def network(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Block every socket that does not lead back to this machine, and fail the test that opened one.

    The attempt raises where it is made. Code that counts a provider's faults would swallow that, so the attempts are
    also listed, and looked at when the test ends.
    """
    attempts: list[str] = []

    def refuse(host: object) -> None:
        attempts.append(str(host))
        raise OSError(f"tests make no network connections, got one to {host!r}")

    def guarded(name: str) -> Callable[..., Any]:
        real = getattr(socket.socket, name)

        def call(self: socket.socket, *arguments: Any) -> Any:
            address = arguments[-1]
            # Unix sockets have a path instead of a pair, and stay on this machine.
            if isinstance(address, tuple) and not is_local(address[0]):
                refuse(address[0])
            return real(self, *arguments)

        return call

    look_up = socket.getaddrinfo

    def getaddrinfo(host: Any, *arguments: Any, **named: Any) -> Any:
        if not is_local(host):
            refuse(host)
        return look_up(host, *arguments, **named)

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, guarded(name))
    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield attempts
    assert not attempts, f"the test tried to reach {attempts}"


@pytest.fixture(scope="session", autouse=True)
def away_from_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Inspect's logs and cache go to a folder of the test session; no model is chosen by the environment."""
    home = tmp_path_factory.mktemp("inspect")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INSPECT_LOG_DIR", str(home / "logs"))
        patch.setenv("INSPECT_CACHE_DIR", str(home / "cache"))
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.delenv("INSPECT_EVAL_MODEL", raising=False)
        yield home


@dataclass(frozen=True)
class Reference:
    """The default run, finished. Tests that write into a run's folder copy it first."""

    folder: Path
    dataset: Dataset
    finished: execute.Finished


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """The shipped data with the shipped recording and vectors, run once for all tests that read a finished run."""
    folder = tmp_path_factory.mktemp("reference") / "run"
    dataset = open_dataset("regular")
    return Reference(folder, dataset, execute.run(dataset, DEFAULTS, folder))


@pytest.fixture(scope="session")
def twenty_seeds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default run with the 20 recorded seeds of k-means, finished; for slow tests alone."""
    from dataclasses import replace

    from evals.suites import chosen

    folder = tmp_path_factory.mktemp("seeds") / "run"
    execute.run(open_dataset("regular"), replace(DEFAULTS, seeds=20), folder, suites=chosen(["supervised", "seeds"]))
    return folder
