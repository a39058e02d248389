"""`edge run` on an emulated board: Debian's kernel for aarch64, a real camera device and a real sound card of software.

Real models under an emulator that is a hundred times too slow: what is judged is what was told, never when.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image

HERE = Path(__file__).parent

pytestmark = [pytest.mark.arm64, pytest.mark.models]


@pytest.fixture(scope="module")
def share(root, samples, complete_store, tmp_path_factory):
    """The folder that the board wrote into, after its session."""
    folder = tmp_path_factory.mktemp("board")
    shutil.copy(samples / "speech.wav", folder)
    shutil.copy(HERE / "guest.sh", folder)
    (folder / "settings.toml").write_text("[recognition]\ncontext_s = 0\n", encoding="utf-8")
    done = subprocess.run(
        [HERE.parents[1] / "scripts" / "arm64", "board", folder],
        env=os.environ | {"EDGE_ARM64_STORE": str(complete_store)},
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    if done.returncode == 3:
        pytest.skip(done.stderr.strip())
    assert "STATUS 0" in done.stdout, (done.stdout + done.stderr)[-3000:]
    return folder


@pytest.fixture(scope="module")
def told(share):
    return [json.loads(line) for line in (share / "events.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.mark.timeout(1000)
def test_the_devices_of_the_board_are_listed(share):
    listed = (share / "devices.txt").read_text(encoding="utf-8")
    assert "Loopback: PCM (hw:0,1)" in listed
    assert "/dev/video0" in listed


def test_speech_at_the_sound_card_becomes_a_caption(told):
    captions = [event for event in told if event["event"] == "Subtitle"]
    assert [(event["language"], event["target"]) for event in captions] == [("en", "pt")]
    assert "belief" in captions[0]["source"]
    assert "crença" in captions[0]["text"]


def test_an_unplugged_camera_is_told_and_another_one_taken(told):
    cameras = [event["event"] for event in told if event.get("source") == "camera"]
    assert cameras.index("SourceLost") < cameras.index("SourceRestored")
    assert not [event for event in told if event["event"] == "StageFailed"]


def test_the_camera_was_seen(share, told):
    assert told[-1]["frames"] > 0
    with Image.open(share / "hud.png") as picture:
        assert len(picture.convert("RGB").resize((32, 18)).getcolors(maxcolors=1024)) > 8


def test_ctrl_c_ended_it_in_order(share, told):
    assert told[-1]["event"] == "SessionEnded"
    assert (share / "status").read_text(encoding="utf-8").strip() == "0", (share / "edge.log").read_text("utf-8")
