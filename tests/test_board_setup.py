"""scripts/board_setup on machines that are folders, with programs that only remember; nothing is changed.

That it really sets up Debian 12 and 13 was tried in such systems; docs/boards.md says how.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from played_boards import write_board

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "scripts/board_setup"
UNIT = ROOT / "scripts/edge-glasses.service"
SYSTEMS = {
    "debian 12": 'ID=debian\nVERSION_ID="12"\n',
    "debian 13": 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nID=debian\nVERSION_ID="13"\n',
    "raspbian 12": 'ID=raspbian\nID_LIKE=debian\nVERSION_ID="12"\n',
    "ubuntu 22.04": "ID=ubuntu\nID_LIKE=debian\nVERSION_ID='22.04'\n",
    "mint": 'ID=linuxmint\nID_LIKE="ubuntu debian"\nVERSION_ID="22"\n',
    "fedora": "ID=fedora\nVERSION_ID=41\n",
    "debian 11": 'ID=debian\nVERSION_ID="11"\n',
}
PI = {"proc/device-tree/model": b"Raspberry Pi 5 Model B Rev 1.0\0"}
JETSON = {
    "proc/device-tree/model": b"NVIDIA Jetson Orin Nano Developer Kit\0",
    "etc/nv_tegra_release": "# R36 (release), REVISION: 4.0, GCID: 1, BOARD: generic\n",
}
EVERYTHING = "ca-certificates python3 python3-venv libportaudio2 libgl1 libglib2.0-0 zram-tools python3-picamera2"

pytestmark = pytest.mark.skipif(shutil.which("sh") is None or os.name != "posix", reason="a script for Linux")


@pytest.fixture
def board(tmp_path, monkeypatch):
    """Function that runs the script with --dry-run on a played machine."""
    fakes = tmp_path / "bin"
    machine = tmp_path / "machine"
    machine.mkdir()

    def program(name, text):
        write_board(fakes, {name: f"#!/bin/sh\n{text}\n"})

    def run(
        *options, system="debian 12", files=None, bits="arm64", packages="", groups="anna audio video", gpu="", env=()
    ):
        write_board(machine, {"etc/os-release": SYSTEMS[system]} | (files or {}))
        program("uname", "echo Linux")
        program("dpkg", f"echo {bits}")
        program("dpkg-query", f'for name in "$@"; do case " {packages} " in *" $name "*) echo installed;; esac; done')
        program("getent", 'case $2 in audio|video|render) echo "$2:x:1:";; *) exit 2;; esac')
        program("id", f'case "$1" in -u) echo 1000;; -gn) echo anna;; -nG) echo {groups};; *) echo anna;; esac')
        program("python3", f"[ -n '{gpu}' ] && echo {gpu}")
        for forbidden in ("sudo", "apt-get", "usermod", "systemctl", "systemd-tmpfiles", "pip"):
            program(forbidden, f"echo {forbidden} >>{tmp_path}/harm")
        environment = {
            "PATH": f"{fakes}:{os.environ['PATH']}",
            "EDGE_BOARD_ROOT": str(machine),
            "EDGE_VENV": str(tmp_path / "venv"),
        }
        done = subprocess.run(
            ["sh", str(SCRIPT), "--dry-run", *options], env=environment | dict(env),
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert not (tmp_path / "harm").exists(), "a dry run changed something"
        return done

    return run


def lines(done):
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return [line.removeprefix("board_setup: ") for line in done.stdout.splitlines()]


@pytest.mark.parametrize("system", ["debian 12", "debian 13", "raspbian 12", "ubuntu 22.04"])
def test_a_bare_board(board, system):
    told = lines(board(system=system, files=PI))
    assert told[0] == f"Raspberry Pi 5 Model B Rev 1.0, {system}, for user anna"
    assert "would install ca-certificates python3 python3-venv libportaudio2" in told
    assert any("OpenCV without windows" in line for line in told)
    assert "  sudo apt remove libportaudio2" in told, "and never Python: the system may need it"
    ran = [line for line in told if line.startswith("would run")]
    assert ran[0] == "would run: scripts/setup run"
    assert ran[1].endswith("/venv/bin/edge models pull")
    assert not [line for line in told if re.search("service|governor|zram|compressed", line)]


def test_a_board_in_order(board):
    told = lines(board(files=PI, packages=EVERYTHING))
    assert told[-1] == "everything was in order"
    assert [line for line in told if line.startswith("would") and not line.startswith("would run")] == []


def test_a_desktop_gets_opencv_with_windows(board):
    told = lines(board(files={"etc/systemd/system/display-manager.service": ""}))
    assert any(line.startswith("would install") and line.endswith("libgl1 libglib2.0-0") for line in told)
    assert not any("without windows" in line for line in told)
    assert any("libgl1" in line for line in lines(board(env={"WAYLAND_DISPLAY": "wayland-0"}.items())))


def test_libraries_that_debian_13_renamed_count(board):
    packages = EVERYTHING.replace("libglib2.0-0", "libglib2.0-0t64")
    told = lines(board(system="debian 13", packages=packages, env={"DISPLAY": ":0"}.items()))
    assert not any("install" in line for line in told)


@pytest.mark.parametrize(
    ("groups", "told_of"), [("anna", ["audio", "video"]), ("anna audio", ["video"]), ("audio video", [])]
)
def test_groups(board, groups, told_of):
    told = lines(board(groups=groups))
    assert [line for line in told if "devices" in line] == [
        f"would let anna use {name} devices (from the next login on)" for name in told_of
    ]
    assert [line.strip() for line in told if "gpasswd" in line] == [f"sudo gpasswd -d anna {name}" for name in told_of]


def test_without_models(board):
    assert not any("models pull" in line for line in lines(board("--no-models")))


class TestRefusals:
    @pytest.mark.parametrize(
        ("arguments", "why"),
        [
            ({"bits": "armhf"}, ("this system is a 32-bit one (armhf), and ONNX Runtime has no packages for those; "
             "install the 64-bit image")),
            ({"bits": "riscv64"}, "there are no packages of ONNX Runtime for riscv64"),
            ({"system": "fedora"}, ("fedora has no apt; install Python 3.10 to 3.13 and PortAudio yourself, "
             "then run: scripts/setup")),
            ({"system": "debian 11"}, "debian 11 has Python 3.9 or older and 3.10 is needed; install a newer image"),
            ({"files": JETSON | {"etc/nv_tegra_release": "# R35 (release), REVISION: 4.1"}},
             "this is Jetson Linux 35 and JetPack 6 (36) is needed: its Python is 3.10"),
        ],
    )  # fmt: skip
    def test_of_machines_that_cannot_run_it(self, board, arguments, why):
        done = board(**arguments)
        assert (done.returncode, done.stderr) == (2, f"board_setup: {why}\n")

    @pytest.mark.parametrize(
        ("options", "why"),
        [
            (["--servce"], "no option named --servce; run: scripts/board_setup --help"),
            (["--governor", "fast"], "no governor named fast; take performance"),
            (["--governor"], "no governor named none; take performance"),
            (["--dry-run", "--runtime"], "there is no file none; --runtime takes a wheel, FILE.whl"),
            (["--runtime", "gone.whl"], "there is no file gone.whl; --runtime takes a wheel, FILE.whl"),
            (
                ["--csi"],
                "--csi is for a Raspberry Pi; elsewhere ribbon cameras need an OpenCV with GStreamer: docs/boards.md",
            ),
        ],
    )
    def test_of_options(self, board, options, why):
        done = board(*options)
        assert (done.returncode, done.stderr) == (2, f"board_setup: {why}\n")

    @pytest.mark.parametrize("name", ["my glasses", "100%", "a&b", "a|b", "brille-ä"])
    def test_of_a_folder_that_systemd_would_read_otherwise(self, board, tmp_path, name):
        done = board("--service", env={"EDGE_VENV": str(tmp_path / name)})
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.endswith("as its own; move this folder for --service\n")
        assert board(env={"EDGE_VENV": str(tmp_path / name)}).returncode == 0

    def test_of_a_played_machine_that_would_be_changed_for_real(self, tmp_path):
        done = subprocess.run(
            ["sh", str(SCRIPT)], env=os.environ | {"EDGE_BOARD_ROOT": str(tmp_path)},
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (2, "board_setup: EDGE_BOARD_ROOT is for --dry-run\n")


def test_an_unknown_relative_of_debian_is_tried(board):
    assert "linuxmint 22 was not tried; going on as on Debian" in lines(board(system="mint"))


class TestGovernor:
    def test_is_set_now_and_for_every_start(self, board):
        told = lines(board("--governor", "performance", files=_policies("ondemand")))
        assert "would write /etc/tmpfiles.d/edge-glasses-governor.conf" in told
        assert "would set the governor to performance" in told
        assert any("sudo rm /etc/tmpfiles.d/edge-glasses-governor.conf" in line for line in told)

    def test_that_is_right_is_left_alone(self, board):
        line = "w /sys/devices/system/cpu/cpufreq/policy*/scaling_governor - - - - performance\n"
        files = _policies("performance") | {"etc/tmpfiles.d/edge-glasses-governor.conf": line}
        told = lines(board("--governor", "performance", files=files, packages=EVERYTHING))
        assert "everything was in order" in told

    def test_that_nobody_may_choose(self, board):
        assert "this system does not let anyone choose the clock" in lines(board("--governor", "performance"))


def _policies(governor):
    return {f"sys/devices/system/cpu/cpufreq/policy{n}/scaling_governor": governor + "\n" for n in (0, 4)}


class TestCompressedSwap:
    def test_is_installed(self, board):
        told = lines(board("--zram", files={"proc/swaps": "Filename\n/var/swap file 1 0 -2\n"}))
        assert any(line.startswith("would install") and "zram-tools" in line for line in told)
        assert "would write /etc/default/zramswap" in told

    def test_that_the_system_has_is_left_alone(self, board):
        told = lines(board("--zram", files={"proc/swaps": "Filename\n/dev/zram0 partition 1 0 5\n"}))
        assert "swap is compressed memory already" in told
        assert not any("zram-tools" in line for line in told)


class TestRuntime:
    def test_of_a_jetson_that_has_one_is_used(self, board):
        told = lines(board(files=JETSON, system="ubuntu 22.04", gpu="/usr/local/lib/python3.10/dist-packages"))
        assert "would use the onnxruntime-gpu that this system has (/usr/local/lib/python3.10/dist-packages)" in told

    def test_of_a_jetson_that_has_none_is_told(self, board):
        told = lines(board(files=JETSON, system="ubuntu 22.04"))
        assert any("--runtime FILE.whl" in line for line in told)

    def test_of_another_board_is_not_touched(self, board):
        told = lines(board(files=PI, gpu="/usr/local/lib/python3.10/dist-packages"))
        assert not any("onnxruntime" in line.lower() for line in told)

    def test_that_was_chosen_replaces_the_usual_one(self, board, tmp_path):
        wheel = tmp_path / "onnxruntime_gpu-1.23.0-cp310-cp310-linux_aarch64.whl"
        wheel.touch()
        told = lines(board("--runtime", str(wheel), files=JETSON, system="ubuntu 22.04"))
        assert f"would use the ONNX Runtime in {wheel.name}" in told
        assert any("the usual ONNX Runtime" in line for line in told)

    def test_a_jetson_user_may_use_the_graphics_device(self, board):
        assert any("use render devices" in line for line in lines(board(files=JETSON, system="ubuntu 22.04")))

    def test_a_pi_user_needs_no_more_than_sound_and_video(self, board):
        assert not any("render" in line for line in lines(board(files=PI)))


def test_a_ribbon_cable_camera(board):
    told = lines(board("--csi", files=PI))
    assert any(line.startswith("would install") and "python3-picamera2" in line for line in told)
    assert "would let the environment see picamera2" in told


class TestService:
    def test_is_written_and_started_with_the_machine(self, board):
        told = lines(board("--service", files=PI))
        assert "would write /etc/systemd/system/edge-glasses.service" in told
        assert "would write /etc/default/edge-glasses" in told
        assert "would start it with the machine" in told
        assert any("systemctl disable --now edge-glasses" in line for line in told)

    def test_the_options_of_the_wearer_are_kept(self, board):
        told = lines(board("--service", files=PI | {"etc/default/edge-glasses": "EDGE_RUN=--from pt --to en\n"}))
        assert "would write /etc/default/edge-glasses" not in told

    def test_every_place_to_fill_in_is_filled_in(self):
        filled = set(re.findall(r"s\|(@[A-Z]+@)\|", SCRIPT.read_text()))
        assert filled == set(re.findall(r"@[A-Z]+@", UNIT.read_text()))

    def test_has_no_way_to_the_network_and_writes_no_caption_into_a_log(self):
        unit = UNIT.read_text().splitlines()
        assert "IPAddressDeny=any" in unit
        assert "RestrictAddressFamilies=AF_UNIX AF_NETLINK" in unit
        assert "StandardOutput=tty" in unit
        assert "Restart=on-failure" in unit
        assert not any(line.startswith("WatchdogSec") for line in unit), "the program sends no keep-alive"

    def test_its_options_are_those_of_the_command(self):
        from typer.testing import CliRunner

        from edge.cli import app

        known = CliRunner().invoke(app, ["run", "--help"], env={"COLUMNS": "200"}).output
        for text in (UNIT.read_text(), SCRIPT.read_text()):
            (options,) = re.findall(r'EDGE_RUN=(--[^"\n]+)', text)
            assert all(option in known for option in re.findall(r"--[a-z]+", options)), options

    @pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
    def test_systemd_understands_it(self, tmp_path):
        text = UNIT.read_text().replace("@UID@", "1000").replace("@USER@", "root").replace("@GROUP@", "root")
        text = text.replace("@CHECKOUT@", str(tmp_path)).replace("@EDGE@", shutil.which("true"))
        unit = tmp_path / "edge-glasses.service"
        unit.write_text(text)
        done = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", str(unit)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        ours = [line for line in done.stderr.splitlines() if "edge-glasses" in line]
        assert (done.returncode, ours) == (0, []), done.stderr


def test_help_is_the_head_of_the_script():
    done = subprocess.run(["sh", str(SCRIPT), "--help"], capture_output=True, text=True, timeout=60, check=True)
    told = set(re.findall(r"^  (--[a-z-]+)", done.stdout, re.MULTILINE))
    assert told == set(re.findall(r"^        (--[a-z-]+)\)", SCRIPT.read_text(), re.MULTILINE))
    assert {"--dry-run", "--service", "--zram"} <= told
    assert "set -eu" not in done.stdout


def test_what_the_doctor_advises_exists():
    advised = set(re.findall(r"scripts/board_setup (--[a-z]+)", (ROOT / "edge/doctor_board.py").read_text()))
    assert advised
    assert all(f"{option})" in SCRIPT.read_text() for option in advised)
