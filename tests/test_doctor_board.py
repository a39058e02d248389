"""What `edge doctor` says of boards that are only folders, and what it advises."""

import sys
from functools import partial

import pytest
from played_boards import MEMORY, PI, X86, clocks, write_board, zones

from edge import doctor_board
from edge.doctor_board import examine_board, forbidden
from edge.finding import Finding, attempt

CPU0 = "sys/devices/system/cpu/cpu0/cpufreq"
SWAPS = "Filename\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
CARD = "/dev/mmcblk0p2 / ext4 rw,noatime 0 0\n"


@pytest.fixture
def board(tmp_path):
    """Function that makes a folder of files; see `write_board`."""
    return partial(write_board, tmp_path)


def findings(root, ram_mb=1000):
    return {finding.check: finding for finding in examine_board(ram_mb, 80.0, root)}


def test_a_board_in_good_order(board):
    files = {
        "proc/device-tree/model": b"Raspberry Pi 5 Model B Rev 1.0\0",
        "proc/cpuinfo": PI,
        "proc/meminfo": MEMORY,
        "proc/swaps": SWAPS + "/dev/zram0 partition 2097136 0 100\n",
        "usr/bin/vcgencmd": "#!/bin/sh\n[ $1 = get_throttled ] && echo throttled=0x0\n",
    }
    found = findings(board(files | clocks("performance", khz="2400000") | zones({"cpu-thermal": "48000"})))
    assert list(found) == ["machine", "governor", "temperature", "throttling", "memory", "swap", "energy"]
    assert all(finding.ok and not finding.run and not finding.advice for finding in found.values())
    assert found["machine"].message.startswith("Raspberry Pi 5 Model B Rev 1.0, Cortex-A76; ")
    assert found["governor"].message == "performance (unknown driver), up to 2400 MHz"
    assert found["temperature"].message == "48 C"
    assert found["throttling"].message == "none since the start of the machine"
    assert found["memory"].message == "6144 of 8258 MB free; all senses take about 1250 MB"
    assert found["swap"].message == "/dev/zram0"


def test_a_machine_that_tells_nothing_is_no_patient(board):
    found = findings(board({}))
    assert [str(finding) for finding in found.values() if finding.run or finding.advice or not finding.ok] == []
    assert found["governor"].message == found["temperature"].message == "not told by this system"


def test_nothing_about_the_machine_makes_the_doctor_fail(board):
    files = dict.fromkeys(("proc/swaps", "proc/meminfo", "proc/mounts", "proc/cpuinfo"), b"\xff\x00 ?\n? \n")
    assert all(finding.ok for finding in findings(board(files)).values())


@pytest.mark.parametrize(
    ("governor", "driver", "says"),
    [
        ("ondemand", "cpufreq-dt", "rises only after a while"),
        ("conservative", "cpufreq-dt", "rises only after a while"),
        ("powersave", "cpufreq-dt", "the clock stays low"),
        ("powersave", "intel_cpufreq", "the clock stays low"),
        ("powersave", "intel_pstate", ""),
        ("powersave", "amd-pstate-epp", ""),
        ("schedutil", "cpufreq-dt", ""),
        ("performance", "cpufreq-dt", ""),
    ],
)
def test_governors(board, governor, driver, says):
    found = findings(board(clocks(governor) | {f"{CPU0}/scaling_driver": driver}))["governor"]
    assert found.ok
    assert says in found.message
    assert ("echo performance | sudo tee" in found.run) is bool(says)


def test_one_slow_cluster_is_told(board):
    found = findings(board(clocks("performance", "ondemand")))["governor"]
    assert found.message.startswith("ondemand,performance")
    assert found.run


@pytest.mark.parametrize(("degrees", "advice"), [("80000", ""), ("81000", "heat sink")])
def test_temperature(board, degrees, advice):
    found = findings(board(zones({"cpu-thermal": degrees})))["temperature"]
    assert found.ok
    assert bool(found.advice) is bool(advice)
    assert advice in found.advice


@pytest.mark.parametrize(
    ("bits", "advice"),
    [
        ("0x1", "power supply"),
        ("0x50000", "power supply"),
        ("0x50005", "power supply"),
        ("0xe0000", "heat sink"),
        ("0x8", "fan"),
    ],
)
def test_throttling(board, bits, advice):
    found = findings(board({"usr/bin/vcgencmd": f"#!/bin/sh\necho throttled={bits}\n"}))["throttling"]
    assert found.ok
    assert found.message
    assert advice in found.advice


def test_memory_of_the_control_group_counts(board):
    group = {"proc/self/cgroup": "0::/x\n", "sys/fs/cgroup/x/memory.max": "500000000"}
    found = findings(board(group | {"proc/meminfo": MEMORY}))["memory"]
    assert found.message.startswith("500 of ")
    assert "fewer --senses" in found.advice


@pytest.mark.parametrize(
    ("rows", "files", "run"),
    [
        ("/swapfile file 102396 0 -2\n", {"proc/mounts": "/dev/nvme0n1p2 / ext4 rw 0 0\n"}, ""),
        ("/var/swap file 102396 0 -2\n", {"proc/mounts": CARD}, "--zram"),
        ("/dev/mmcblk0p3 partition 102396 0 -2\n", {}, "--zram"),
        ("/dev/zram0 partition 102396 0 100\n/var/swap file 1 0 -2\n", {"proc/mounts": CARD}, ""),
        ("/dev/sda2 partition 102396 0 -2\n", {"proc/mounts": CARD}, ""),
        ("", {"proc/meminfo": MEMORY}, ""),
        ("", {"proc/meminfo": "MemTotal: 3900000 kB\nMemAvailable: 3000000 kB\n"}, "--zram"),
        ("", {}, ""),
    ],
)
def test_swap(board, rows, files, run):
    found = findings(board({"proc/swaps": SWAPS + rows} | files))["swap"]
    assert found.ok
    assert bool(found.run) is bool(run)
    assert run in found.run
    assert found.message == "none" or found.message.startswith("/")


def test_an_emulated_machine_is_called_so(board):
    found = findings(board({"proc/cpuinfo": X86.replace("11th Gen", "QEMU TCG CPU version 2.5+")}))["machine"]
    assert "; emulated (" in found.message
    assert found.advice == "nothing measured here tells how fast a board is"


def test_a_container_is_called_so(board):
    assert findings(board({".dockerenv": ""}))["machine"].message.endswith("; virtual (docker)")


def test_energy(board):
    rapl = {"sys/class/powercap/intel-rapl:0/name": "package-0", "sys/class/powercap/intel-rapl:0/energy_uj": "1"}
    assert findings(board(rapl))["energy"].message.startswith("RAPL package-0: the processor packages")
    rapl["sys/class/powercap/intel-rapl:0/energy_uj"] = ""
    found = findings(board(rapl))["energy"]
    assert found.message == "the counters of the processor are for root"
    assert found.run.startswith("sudo chmod a+r ")


class TestForbidden:
    @pytest.fixture(autouse=True)
    def _linux(self, monkeypatch):
        monkeypatch.setattr(sys, "platform", "linux")

    def test_no_device_nothing_to_allow(self, board):
        assert forbidden("dev/video*", "video", board({}), lambda _: False) == ""

    def test_a_closed_device_is_told_with_its_group(self, board):
        root = board({"dev/video0": "", "dev/video10": ""})
        assert forbidden("dev/video*", "video", root, lambda _: False).startswith("sudo usermod -aG video $USER")

    def test_one_open_device_is_enough(self, board):
        root = board({"dev/video0": "", "dev/video10": ""})
        assert forbidden("dev/video*", "video", root, lambda file: file.name == "video10") == ""

    def test_files_of_this_user_are_open(self, board):
        assert forbidden("dev/video*", "video", board({"dev/video0": ""})) == ""

    def test_only_linux_has_such_groups(self, board, monkeypatch):
        monkeypatch.setattr(sys, "platform", "darwin")
        assert forbidden("dev/video*", "video", board({"dev/video0": ""}), lambda _: False) == ""


def test_what_a_look_raises_is_a_finding():
    def fail():
        raise OSError(5, "Input/output error")

    (found,) = attempt("sensor", fail, optional=True)
    assert found == Finding("sensor", True, "OSError: [Errno 5] Input/output error")
    (found,) = attempt("model", fail)
    assert not found.ok


def test_a_look_that_fails_does_not_end_the_examination(board, monkeypatch):
    def fail(_):
        raise IndexError("list index out of range")

    monkeypatch.setattr(doctor_board, "throttled", fail)
    found = findings(board({}))
    assert found["throttling"].message.startswith("IndexError")
    assert list(found)[-1] == "energy"
