"""The whole chain from a repository of the hub (a server on loopback) to a model that answers."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge.hub.catalogue import Catalogue
from edge.hub.overlay import entry_path
from edge.hub.store import ModelStore

pytestmark = pytest.mark.slow


@pytest.fixture
def make(run_script, hub, tmp_path):
    """Runs scripts/make.py with this hub and a store of its own."""
    surroundings = {"HF_ENDPOINT": hub.endpoint, "HF_HUB_OFFLINE": "0", "EDGE_MODELS": str(tmp_path / "store")}

    def run(*arguments):
        return run_script("make.py", *arguments, "--out", tmp_path / "made", env=surroundings)

    return run


def test_from_the_hub_to_an_answer(make, hub, tiny, tmp_path):
    files = {path.name: path.read_bytes() for path in tiny("deit").iterdir()}
    size = len(files["model.safetensors"])
    repository = hub.add("owner/Tiny_DeiT", files, licence="apache-2.0", drops=[size // 2])
    done = make("owner/Tiny_DeiT", "--methods", "weights8", "static")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [asked for _, _, asked, _ in hub.asked("cdn")] == [None, f"bytes={size // 2}-"]
    assert "tiny-deit installed" in done.stdout

    store = ModelStore(tmp_path / "store", Catalogue(models=()))
    entry = store.catalogue.get("tiny-deit")
    assert entry.upstream.repository == f"{hub.endpoint}/owner/Tiny_DeiT"
    assert entry.upstream.revision == repository.commit
    assert entry.licence == "Apache-2.0"
    provenance = json.loads((store.open("tiny-deit") / "provenance.json").read_text())
    stated = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    assert {name: file["sha256"] for name, file in provenance["upstream"].items()}.items() <= stated.items()
    assert "model.safetensors" in provenance["upstream"]

    edge = Path(sys.executable).parent / "edge"
    answer = subprocess.run(
        [edge, "recognize", "--model", "tiny-deit", "--json", Path(__file__).parents[2] / "docs" / "hud.jpg"],
        env={**os.environ, "EDGE_MODELS": str(store.root)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    assert "hud.jpg" in answer.stdout

    hub.requests.clear()
    again = make("owner/Tiny_DeiT", "--methods", "weights8", "static")
    assert again.stdout.count("done before, and nothing has changed") == 3
    assert not hub.asked("resolve|cdn")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"gated": True}, "is gated: accept its terms there, set HF_TOKEN"),
        ({"corrupt": {"model.safetensors"}}, "model.safetensors has SHA-256"),
        ({"licence": "cc-by-nc-4.0"}, "CC-BY-NC-4.0"),
    ],
)
def test_what_the_hub_refuses_installs_nothing(make, hub, tmp_path, changes, says):
    hub.add("owner/a", {"config.json": b'{"model_type": "vit"}', "model.safetensors": bytes(range(250))}, **changes)
    done = make("owner/a")
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert not entry_path(tmp_path / "store", "a").exists()
    assert not (tmp_path / "made" / "a" / "float").exists()
