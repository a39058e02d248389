"""Virtual machines, containers and emulated processors as they show themselves."""

import pytest
from played_boards import PI, X86

from edge.hardware import virtual as module
from edge.hardware.virtual import emulator, virtual

CLOCKS = "sys/devices/system/clocksource/clocksource0/available_clocksource"
GUEST = X86.replace("flags\t\t:", "flags\t\t: hypervisor")
QEMU = {"sys/class/dmi/id/sys_vendor": "QEMU\n", "sys/class/dmi/id/product_name": "Standard PC (Q35 + ICH9, 2009)\n"}
VIRT = {"proc/cpuinfo": PI, "proc/device-tree/model": b"linux,dummy-virt\0"}


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"proc/cpuinfo": X86}, None),
        ({"proc/cpuinfo": PI, "proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.4"}, None),
        ({"proc/cpuinfo": GUEST}, "hypervisor"),
        ({"proc/cpuinfo": GUEST, CLOCKS: "kvm-clock tsc acpi_pm\n"}, "kvm"),
        ({"sys/hypervisor/type": "xen\n"}, "xen"),
        ({"sys/class/dmi/id/product_name": "VirtualBox"}, "virtualbox"),
        ({"sys/class/dmi/id/sys_vendor": "Microsoft", "sys/class/dmi/id/product_name": "Virtual Machine"}, "hyper-v"),
        (VIRT, "qemu"),
        ({"proc/sys/kernel/osrelease": "5.15.90.1-microsoft-standard-WSL2"}, "wsl"),
        ({".dockerenv": ""}, "docker"),
        ({"run/.containerenv": ""}, "podman"),
        ({"run/systemd/container": "systemd-nspawn\n"}, "systemd-nspawn"),
        ({"proc/self/cgroup": "0::/kubepods/besteffort/pod1\n"}, "kubepods"),
        ({CLOCKS: "tsc kvm-clock", ".dockerenv": ""}, "kvm, docker"),
    ],
)  # fmt: skip
def test_virtual(board, files, found):
    assert virtual(board(files)) == found


@pytest.mark.parametrize(
    ("files", "machine"),
    [
        ({"proc/cpuinfo": X86}, "x86_64"),
        ({"proc/cpuinfo": X86}, "AMD64"),
        ({"proc/cpuinfo": PI, "proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0"}, "aarch64"),
        ({"proc/cpuinfo": GUEST, CLOCKS: "kvm-clock tsc"} | QEMU, "x86_64"),
        ({"proc/cpuinfo": GUEST.replace("11th Gen", "QEMU Virtual CPU version 2.5+"), CLOCKS: "kvm-clock"}, "x86_64"),
        ({"proc/cpuinfo": PI, "sys/class/dmi/id/sys_vendor": "Amazon EC2"}, "aarch64"),
        ({}, "aarch64"),
        ({}, "arm64"),
    ],
)
def test_real_processors(board, files, machine):
    assert emulator(board(files), machine) is None


@pytest.mark.parametrize(
    ("files", "machine", "sign"),
    [
        ({"proc/cpuinfo": X86}, "aarch64", "/proc/cpuinfo is of an x86 and the program is for aarch64"),
        ({"proc/cpuinfo": GUEST, CLOCKS: "tsc hpet acpi_pm"} | QEMU, "x86_64", "QEMU without KVM"),
        ({"proc/cpuinfo": GUEST.replace("11th Gen", "QEMU Virtual CPU version 2.5+")}, "x86_64", "QEMU without KVM"),
        (
            {"proc/cpuinfo": GUEST.replace("11th Gen", "QEMU TCG CPU version 2.5+"), CLOCKS: "kvm-clock"},
            "x86_64",
            "TCG",
        ),
        (VIRT, "aarch64", "QEMU's virtual ARM board"),
        ({"proc/cpuinfo": PI, "sys/class/dmi/id/product_name": "QEMU Virtual Machine"}, "aarch64", "virtual ARM board"),
        ({"usr/sbin/sysctl": '#!/bin/sh\n[ "$2" = sysctl.proc_translated ] && echo 1\n'}, "x86_64", "Rosetta"),
    ],
)
def test_emulated_processors(board, files, machine, sign):
    assert sign in emulator(board(files), machine)


def test_qemu_user_with_the_cpuinfo_of_a_board(board):
    root = board({"proc/cpuinfo": PI, "proc/thread-self/comm": "python3\n"})
    (root / "proc/thread-self/exe").symlink_to("/usr/bin/qemu-aarch64-static")
    assert emulator(root, "aarch64") == "the program is run by qemu-aarch64-static"


def test_a_program_of_another_name(board):
    root = board({"proc/cpuinfo": PI, "proc/thread-self/comm": "python3\n"})
    (root / "proc/thread-self/exe").symlink_to("/usr/bin/python3.11")
    assert emulator(root, "aarch64") is None


@pytest.mark.parametrize(("system", "release"), [("Linux", "4.4.0"), ("Darwin", "23.1.0"), ("Linux", "unknown")])
def test_only_kernels_that_should_have_rseq_are_asked(monkeypatch, system, release):
    monkeypatch.setattr(module.platform, "system", lambda: system)
    monkeypatch.setattr(module.platform, "release", lambda: release)
    monkeypatch.setattr(module.ctypes, "CDLL", lambda *_, **__: pytest.fail("asked"))
    assert not module._lacks_rseq("aarch64")


def test_an_unknown_processor_is_not_asked():
    assert not module._lacks_rseq("riscv64")


@pytest.mark.skipif(emulator() is not None, reason="this processor is emulated, by something that knows no rseq")
@pytest.mark.skipif(module.platform.system() != "Linux", reason="a system call of Linux")
def test_this_kernel_has_rseq():
    assert not module._lacks_rseq(module.platform.machine())
