"""docs/bring-your-own-model.md is executed: every `sh` block, line by line, in one folder, without a hub."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TUTORIAL = ROOT / "docs" / "bring-your-own-model.md"
EXPECTED = "# -> "
LONGEST = 150


def commands():
    """Pairs of a command and what it must have said, in the order of the tutorial."""
    found = []
    for block in re.findall(r"^```sh\n(.*?)^```$", TUTORIAL.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            if line.startswith(EXPECTED):
                found[-1][1].append(line.removeprefix(EXPECTED))
            else:
                found.append((line, []))
    return found


@pytest.fixture
def surroundings(tmp_path, export_python):
    """A folder that looks like a checkout, a model store of its own, no hub, and `edge` of this environment."""
    for name in ("scripts", "docs", "requirements-export.lock"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / ".venv-export").symlink_to(export_python.parent.parent)
    return {
        **{key: value for key, value in os.environ.items() if key not in ("HF_TOKEN", "EDGE_VENV_EXPORT")},
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "EDGE_MODELS": str(tmp_path / "store"),
        "EDGE_SETUP": "0",
        "HF_HUB_OFFLINE": "1",
        "HF_ENDPOINT": "http://127.0.0.1:9",
    }


@pytest.mark.slow
def test_every_command_of_the_tutorial_does_what_it_says(surroundings, tmp_path):
    for command, expected in commands():
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=tmp_path, env=surroundings, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        said = done.stdout + done.stderr
        assert done.returncode == 0, f"{command}\n{said}"
        for words in expected:
            assert words in said, f"{command}\nshould say {words!r}\n{said}"


def test_the_tutorial_is_short_and_shows_one_family_of_each_kind():
    assert len(TUTORIAL.read_text(encoding="utf-8").splitlines()) <= LONGEST
    run = "\n".join(command for command, _ in commands())
    for words in (
        *("scripts/make out/tiny/marian", "scripts/make out/tiny/vit", "scripts/make out/tiny/yolos"),
        *("edge translate", "edge recognize", "edge detect", "edge models add", "export.py", "quantize.py", "gate.py"),
    ):
        assert words in run
    assert sum(len(expected) for _, expected in commands()) >= 12
