"""What a machine is called, and that nothing of its owner is told."""

import json
import platform
import shutil
import subprocess

import pytest
from played_boards import MEMORY, PI, X86, clocks

from edge.hardware import identity, machine
from edge.hardware.identity import board as board_name
from edge.hardware.identity import commit
from edge.hardware.virtual import emulator

DMI = "sys/class/dmi/id"


def dmi(**names):
    return {f"{DMI}/{name}": said + "\n" for name, said in names.items()}


def test_a_raspberry_pi(board):
    files = {
        "proc/device-tree/model": b"Raspberry Pi 5 Model B Rev 1.0\0",
        "proc/device-tree/serial-number": b"100000001234abcd\0",
        "proc/cpuinfo": PI + "\nSerial\t\t: 100000001234abcd\n",
        "proc/meminfo": MEMORY,
        "etc/os-release": 'NAME="Debian GNU/Linux"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
        "etc/hostname": "annas-glasses\n",
    }
    found = machine(board(files | clocks("ondemand", khz="2400000")))
    assert (found.board, found.cpu, found.cpu_class) == ("Raspberry Pi 5 Model B Rev 1.0", "Cortex-A76", "arm-dotprod")
    assert found.features == ("asimd", "asimddp")
    assert (found.governor, found.max_mhz) == ("ondemand", 2400.0)
    assert (found.memory_mb, found.swap_mb) == (8257.5, 209.7)
    assert found.os == "Debian GNU/Linux 12 (bookworm)"
    assert (found.virtual, found.emulated) == (None, False)
    told = found.model_dump_json()
    for secret in ("1234abcd", "annas", platform.node() or "?", str(board({}))):
        assert secret not in told


def test_a_control_group_limits_the_memory(board):
    files = {"proc/meminfo": MEMORY, "proc/self/cgroup": "0::/x\n", "sys/fs/cgroup/x/memory.max": "1000000000"}
    assert machine(board(files)).memory_mb == 1000.0


def test_a_machine_that_tells_nothing(board):
    found = machine(board({}))
    assert [found.board, found.cpu, found.governor, found.max_mhz, found.memory_mb, found.swap_mb] == [None] * 6
    assert (found.cpu_class, found.features) == ("other", ())
    assert found.os
    assert "CPUExecutionProvider" in found.providers
    assert {"numpy", "onnxruntime"} <= set(found.packages)


def test_a_machine_full_of_garbage(board):
    garbage = b"\xff\x00\xfe garbage \x80" * 50
    names = ("proc/cpuinfo", "proc/meminfo", "proc/loadavg", "proc/self/cgroup", "etc/os-release", f"{DMI}/sys_vendor",
             "sys/fs/cgroup/cpu.max", "proc/device-tree/compatible", "usr/bin/vcgencmd", "usr/sbin/sysctl")  # fmt: skip
    files = dict.fromkeys(names, garbage)
    files |= {
        f"sys/devices/system/cpu/cpu0/cpufreq/{name}": garbage for name in ("scaling_max_freq", "scaling_governor")
    }
    found = machine(board(files))
    assert (found.cpu, found.memory_mb, found.max_mhz, found.emulated) == (None, None, None, False)
    json.loads(found.model_dump_json())


def test_this_machine():
    found = machine()
    assert found.cores >= 1
    assert found.emulated is (emulator() is not None)
    assert found.commit.startswith(identity._version("edge-glasses"))


@pytest.mark.parametrize(
    ("names", "board_is"),
    [
        ({"sys_vendor": "Framework", "product_name": "Laptop 13"}, "Framework Laptop 13"),
        ({"sys_vendor": "HP", "product_name": "HP EliteBook 845 G8"}, "HP EliteBook 845 G8"),
        ({"sys_vendor": "LENOVO", "product_name": "20XWCTO1WW", "product_version": "ThinkPad X1 Carbon"},
         "LENOVO ThinkPad X1 Carbon"),
        ({"sys_vendor": "ASUS", "product_name": "System Product Name", "board_name": "PRIME B550"}, "ASUS PRIME B550"),
        ({"sys_vendor": "To Be Filled By O.E.M.", "product_name": "Default string"}, None),
        ({"product_serial": "SECRET"}, None),
    ],
)  # fmt: skip
def test_a_pc_by_its_firmware(board, names, board_is):
    assert board_name(board(dmi(**names))) == board_is


def test_a_mac(board):
    says = "#!/bin/sh\ncase $2 in hw.model) echo Mac14,2 ;; hw.memsize) echo 17179869184 ;; *) exit 1 ;; esac\n"
    root = board({"usr/sbin/sysctl": says})
    assert board_name(root) == "Mac14,2"
    assert machine(root).memory_mb == 17179.9


def test_a_runtime_that_cannot_be_imported_offers_nothing(board, monkeypatch):
    def fail():
        raise ImportError("libcudart.so.12: cannot open shared object file")

    monkeypatch.setattr("edge.inference.sessions.import_onnxruntime", fail)
    assert machine(board({"proc/cpuinfo": X86})).providers == ()


class TestCommit:
    @pytest.fixture
    def checkout(self, tmp_path):
        if shutil.which("git") is None:
            pytest.skip("git is not installed")
        (tmp_path / "edge").mkdir()
        (tmp_path / "edge/a.py").write_text("1\n")
        name = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
        for arguments in (["init", "-q"], ["add", "."], [*name, "commit", "-q", "-m", "one"]):
            subprocess.run(["git", "-C", str(tmp_path), *arguments], check=True, capture_output=True)
        return tmp_path

    def test_of_a_checkout(self, checkout):
        version, _, head = commit(checkout / "edge").partition("+")
        assert version == identity._version("edge-glasses")
        assert len(head) == 12
        assert int(head, 16)

    def test_of_a_changed_checkout(self, checkout):
        (checkout / "untracked.txt").touch()
        assert not commit(checkout / "edge").endswith("-dirty")
        (checkout / "edge/a.py").write_text("2\n")
        assert commit(checkout / "edge").endswith("-dirty")

    @pytest.mark.parametrize(
        ("noted", "commit_is"),
        [
            ("0123456789ab\n", "+0123456789ab"),
            ("0123456789ab-dirty\n", "+0123456789ab-dirty"),
            ("who knows", ""),
            ("", ""),
        ],
    )
    def test_of_an_installed_package_is_what_setup_noted(self, tmp_path, noted, commit_is):
        version = identity._version("edge-glasses")
        assert commit(tmp_path / "site-packages" / "edge", tmp_path) == version
        (tmp_path / ".edge-commit").write_text(noted)
        assert commit(tmp_path / "site-packages" / "edge", tmp_path) == version + commit_is

    def test_without_git(self, checkout, monkeypatch):
        monkeypatch.setenv("PATH", str(checkout))
        assert commit(checkout / "edge") == identity._version("edge-glasses")

    def test_of_a_broken_checkout(self, tmp_path):
        (tmp_path / ".git").write_text("gitdir: nowhere\n")
        assert commit(tmp_path / "edge") == identity._version("edge-glasses")
