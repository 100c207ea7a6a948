"""A real server for the tests: the binary of `cargo build`, on a free port, with a data folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import descent

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = ROOT / "examples"

SETTINGS = {
    # A thousand runs and many requests a second are what these tests are about; the limits have tests of their own.
    "DESCENT_OTHER_PER_S": "1000000",
    "DESCENT_PREDICT_PER_S": "1000000",
    "DESCENT_OWNER_QUEUED_RUNS": "5000",
    "DESCENT_FREE_SPACE_FLOOR_BYTES": "0",
}


@dataclass(frozen=True)
class Server:
    url: str
    token: str
    folder: Path


def binary() -> Path:
    given = os.environ.get("DESCENT_BINARY")
    path = Path(given) if given else Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug" / "descent"
    if not path.exists():
        pytest.exit(f"there is no server at {path}: cargo build --bin descent, or set DESCENT_BINARY", returncode=2)
    return path


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DESCENT_")}
    with open(folder / "log", "wb") as log:
        command = [str(binary()), "serve", "--listen", "127.0.0.1:0", "--data-dir", str(folder / "data")]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env={**environment, **SETTINGS})
        assert process.stdout is not None
        try:
            # It says where it listens when requests are answered; without that it ended, and its log says why.
            lines = iter(process.stdout)
            url = next((line.split("listening on ", 1)[1].strip() for line in lines if "listening on " in line), None)
            assert url is not None, (folder / "log").read_text()
            # Whatever else it says is taken away, so that it never waits for a reader.
            threading.Thread(target=lambda: [*lines], daemon=True).start()
            yield Server(url, (folder / "data" / "admin.token").read_text().strip(), folder)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def environment(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a user has set."""
    monkeypatch.setenv("DESCENT_URL", server.url)
    monkeypatch.setenv("DESCENT_TOKEN", server.token)


@pytest.fixture
def client(environment: None) -> Iterator[descent.Client]:
    with descent.Client() as client:
        yield client


@pytest.fixture(scope="session")
def penguins(server: Server) -> descent.Dataset:
    """A dataset that many tests learn from and none changes."""
    with descent.Client(server.url, server.token) as client:
        return client.datasets.upload(EXAMPLES / "penguins.csv")


@pytest.fixture(scope="session")
def trained(server: Server, penguins: descent.Dataset) -> Iterator[descent.Run]:
    """A run that is over and that no test changes."""
    with descent.Client(server.url, server.token) as client:
        yield client.runs.submit(species(penguins, name="trained", seed=7)).wait(progress=False)


@pytest.fixture
def bars(monkeypatch):
    """Every bar that is made, with what it showed."""
    import tqdm.auto

    made = []

    class Bar(tqdm.auto.tqdm):
        def __init__(self, *args, **options):
            self.shown = []
            made.append(self)
            super().__init__(*args, **options)

        def update(self, n=1):
            self.shown.append((self.n + n, self.total))
            return super().update(n)

    monkeypatch.setattr(tqdm.auto, "tqdm", Bar)
    return made


def species(dataset: object, epochs: int = 20, seed: int = 0, **members: object) -> dict[str, object]:
    """A spec that is trained in milliseconds."""
    return {
        "dataset": getattr(dataset, "id", dataset),
        "task": {"kind": "classification", "target": "species"},
        "training": {"epochs": epochs, "seed": seed},
        **members,
    }
