"""What `edge devices` lists, from a fake microphone list and a folder that looks like Linux's."""

from dataclasses import asdict

import pytest

from edge.errors import SourceError
from edge.sources import devices as module
from edge.sources.devices import Device, list_devices, missing
from edge.sources.microphone import MicrophoneInfo


@pytest.fixture
def microphones(monkeypatch):
    listed = [MicrophoneInfo(1, "Built-in", 2, 48_000, True), MicrophoneInfo(4, "USB Audio", 1, 16_000, False)]
    monkeypatch.setattr(module, "list_microphones", lambda: listed)
    return listed


def _camera(folder, number, name, index="0"):
    node = folder / f"video{number}"
    node.mkdir(parents=True)
    (node / "name").write_text(f"{name}\n")
    (node / "index").write_text(f"{index}\n")


def test_microphones(microphones, tmp_path):
    assert list_devices(tmp_path / "none") == [
        Device("microphone", "1", "Built-in", is_default=True, sample_rate=48_000, channels=2),
        Device("microphone", "4", "USB Audio", sample_rate=16_000, channels=1),
    ]


def test_cameras_in_order_without_their_metadata_nodes(microphones, tmp_path):
    microphones.clear()
    _camera(tmp_path, 10, "USB Camera")
    _camera(tmp_path, 2, "Integrated Camera")
    _camera(tmp_path, 3, "Integrated Camera", index="1")
    (tmp_path / "v4l-subdev0").mkdir()
    (tmp_path / "video7").mkdir()  # vanished while being read
    assert list_devices(tmp_path) == [
        Device("camera", "/dev/video2", "Integrated Camera"),
        Device("camera", "/dev/video10", "USB Camera"),
    ]


def test_a_missing_library_is_a_line_not_a_crash(monkeypatch, tmp_path):
    def fail():
        raise SourceError("no PortAudio; run: sudo apt install libportaudio2")

    monkeypatch.setattr(module, "list_microphones", fail)
    _camera(tmp_path, 0, "USB Camera")
    problem, camera = list_devices(tmp_path)
    assert problem == Device("problem", "", "no PortAudio; run: sudo apt install libportaudio2")
    assert camera.kind == "camera"


def test_lines_can_be_read(microphones, tmp_path):
    _camera(tmp_path, 0, "USB Camera")
    lines = [str(device) for device in list_devices(tmp_path)]
    assert lines == [
        "microphone  1            Built-in (48000 Hz, 2 ch) [default]",
        "microphone  4            USB Audio (16000 Hz, 1 ch)",
        "camera      /dev/video0  USB Camera",
    ]
    assert str(Device("problem", "", "no PortAudio; run: x")) == "problem     no PortAudio; run: x"


def test_records(microphones, tmp_path):
    assert asdict(list_devices(tmp_path)[0]) == {
        "kind": "microphone", "uri": "1", "name": "Built-in", "is_default": True, "sample_rate": 48_000, "channels": 2,
    }  # fmt: skip


def test_what_is_listed_can_be_opened_by_its_uri(microphones, tmp_path):
    from edge.sources.uri import parse_camera, parse_microphone

    _camera(tmp_path, 0, "USB Camera")
    for device in list_devices(tmp_path):
        if device.kind == "microphone":
            assert isinstance(parse_microphone(device.uri), int)
        else:
            assert parse_camera(device.uri).kind == "device"


def test_what_is_missing_is_said(monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    microphone, camera = Device("microphone", "1", "USB"), Device("camera", "/dev/video0", "USB")
    assert missing([microphone, camera]) == []
    assert missing([camera]) == ["no microphone found; plug one in, or use a recording: --replay FILE"]
    assert missing([Device("problem", "", "no PortAudio; run: x"), camera]) == []  # which is told already
    (line,) = missing([microphone])
    assert line.startswith("no camera found; --camera also takes a picture")
    assert len(missing([])) == 2


def test_where_cameras_cannot_be_listed(monkeypatch):
    monkeypatch.setattr("sys.platform", "darwin")
    assert missing([])[1].startswith("no camera can be listed here; try --camera 0; ")


def test_what_a_raspberry_pi_calls_video_and_is_no_camera(microphones, tmp_path):
    microphones.clear()
    for number, name in enumerate(
        ["rp1-cfe-csi2_ch0", "rp1-cfe-fe_image0", "pispbe-input", "rpi-hevc-dec", "UVC Camera"]
    ):
        _camera(tmp_path, number, name)
    assert list_devices(tmp_path) == [
        Device("camera", "/dev/video4", "UVC Camera"),
        Device("camera", "csi://0", "ribbon cable: rp1-cfe-csi2_ch0"),
    ]


def test_a_raspberry_pi_4_without_a_camera(microphones, tmp_path):
    microphones.clear()
    for number, name in [(10, "bcm2835-codec-decode"), (12, "bcm2835-isp-output0"), (19, "rpivid")]:
        _camera(tmp_path, number, name)
    assert list_devices(tmp_path) == []


def test_a_jetson_with_two_ribbon_cables(microphones, tmp_path):
    from edge.sources.uri import parse_camera

    microphones.clear()
    _camera(tmp_path, 0, "vi-output, imx219 9-0010")
    _camera(tmp_path, 1, "vi-output, imx219 10-0010")
    listed = list_devices(tmp_path)
    assert [device.uri for device in listed] == ["csi://0", "csi://1"]
    assert [parse_camera(device.uri).kind for device in listed] == ["csi", "csi"]
