"""What `edge doctor` says of cameras and microphones: those of boards, and closed ones."""

import sys

import pytest

from edge import doctor_devices
from edge.doctor_devices import cameras, microphones
from edge.sources import devices as listing
from edge.sources.devices import Device


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Function from devices, and device files that this user may not use, to the folder of a Linux machine."""
    monkeypatch.setattr(sys, "platform", "linux")

    def make(*found, closed=()):
        monkeypatch.setattr(listing, "list_devices", lambda: list(found))
        for name in closed:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()
        monkeypatch.setattr("edge.doctor_board.os.access", lambda *_: False)
        return tmp_path

    return make


USB = Device("camera", "/dev/video0", "UVC Camera (046d:0825)")
CSI = Device("camera", "csi://0", "ribbon cable: rp1-cfe-csi2_ch0")


def test_a_usb_camera(machine):
    found = cameras(machine(USB))
    assert (found.message, found.run) == ("UVC Camera (046d:0825) (/dev/video0)", "")


def test_no_camera(machine):
    assert cameras(machine()).message.startswith("none found")


def test_a_ribbon_cable_camera_with_its_library(machine):
    found = cameras(machine(USB, CSI), lambda library: library == "picamera2")
    assert found.message == "UVC Camera (046d:0825) (/dev/video0), ribbon cable: rp1-cfe-csi2_ch0 (csi://0)"
    assert found.run == ""


@pytest.mark.parametrize("gstreamer", [True, False])
def test_a_ribbon_cable_camera_without_picamera(machine, monkeypatch, gstreamer):
    monkeypatch.setattr("edge.sources.opencv_camera.has_gstreamer", lambda: gstreamer)
    found = cameras(machine(CSI), lambda _: False)
    assert found.ok
    assert bool(found.run) is not gstreamer
    assert gstreamer or found.run == "scripts/board_setup --csi"


def test_a_library_is_looked_for_and_not_imported(machine):
    assert doctor_devices._can_import("json")
    assert not doctor_devices._can_import("no_such_library_anywhere")


def test_cameras_that_this_user_may_not_use(machine):
    found = cameras(machine(USB, closed=["dev/video0"]))
    assert found.ok
    assert found.message == "this user may not use the cameras"
    assert found.run.startswith("sudo usermod -aG video")


def test_microphones_are_told_with_rate_and_default(machine):
    root = machine(
        Device("microphone", "1", "USB Audio", True, 48000, 1), Device("microphone", "2", "HDMI", False, 44100, 2)
    )
    assert microphones(root).message == "USB Audio (48000 Hz, default), HDMI (44100 Hz)"


def test_a_sound_card_that_this_user_may_not_use(machine):
    found = microphones(machine(closed=["dev/snd/pcmC1D0c"]))
    assert found.message == "this user may not use the sound card; recordings work without one"
    assert found.run.startswith("sudo usermod -aG audio")


def test_a_card_that_only_plays_is_no_closed_microphone(machine):
    found = microphones(machine(closed=["dev/snd/pcmC0D0p"]))
    assert found.message.startswith("none found")


def test_a_missing_library_is_told_before_anything_else(machine):
    problem = Device("problem", "", "PortAudio is missing; run: sudo apt install libportaudio2")
    found = microphones(machine(problem, closed=["dev/snd/pcmC1D0c"]))
    assert (found.message, found.run) == (
        "PortAudio is missing; recordings work without one",
        "sudo apt install libportaudio2",
    )
