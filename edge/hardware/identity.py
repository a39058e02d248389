"""What machine this is, for the head of a benchmark: no name of a host or person, no serial number, no path."""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from edge.hardware import processor
from edge.hardware.reading import ROOT, answer, text, whole
from edge.hardware.record import Machine
from edge.hardware.sensors import memory_mb
from edge.hardware.virtual import emulator, virtual
from edge.inference.cpu import cpu_class, cpu_flags

_PACKAGES = (
    "av", "numpy", "onnxruntime", "onnxruntime-gpu", "opencv-python", "opencv-python-headless", "pillow", "pydantic",
    "sounddevice", "tokenizers",
)  # fmt: skip
_TELLING = frozenset({  # flags that decide which matrix kernels run
    "avx", "avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_int8",
    "amx_bf16", "neon", "asimd", "asimdhp", "asimddp", "i8mm", "bf16", "sve", "sve2", "sme",
})  # fmt: skip
_NO_NAME = re.compile(
    r"^(to be filled|default string|system (product|manufacturer)|not (specified|applicable)|none$)", re.IGNORECASE
)
_NOTED = re.compile(r"[0-9a-f]{12}(-dirty)?")
_GIT_S = 10


def machine(root: Path = ROOT) -> Machine:
    """This machine; never fails for something that cannot be read.

    Args:
        root: folder of the machine.
    """
    flags = cpu_flags(root / "proc/cpuinfo")
    return Machine(
        board=board(root),
        cpu=processor.cpu_name(root),
        cpu_class=cpu_class(flags),
        features=tuple(sorted(flags & _TELLING)),
        cores=processor.cores(root),
        cores_physical=processor.cores_physical(root),
        max_mhz=processor.max_mhz(root),
        governor=processor.governor(root),
        memory_mb=_memory(root),
        swap_mb=memory_mb(root, "SwapTotal"),
        os=_os_name(root),
        kernel=platform.release(),
        architecture=platform.machine(),
        python=platform.python_version(),
        packages={name: version for name in _PACKAGES if (version := _version(name)) is not None},
        providers=_providers(),
        virtual=virtual(root),
        emulated=emulator(root) is not None,
        commit=commit(),
    )


def board(root: Path = ROOT) -> str | None:
    """What the firmware calls this machine: the device tree's model, or maker and product of a PC."""
    if model := text(root / "proc/device-tree/model"):
        return model
    folder = root / "sys/class/dmi/id"
    maker, product = _given(folder / "sys_vendor"), _given(folder / "product_name")
    if maker and "lenovo" in maker.lower():
        product = _given(folder / "product_version") or product  # its product names are order numbers
    product = product or _given(folder / "board_name")
    if product and maker and not product.lower().startswith(maker.split()[0].lower()):
        return f"{maker} {product}"
    return product or answer(root, "usr/sbin/sysctl", "-n", "hw.model")


def commit(package: Path | None = None, environment: Path | None = None) -> str:
    """Version of this program, and its commit where that is known: `0.1.0+1a2b3c4d5e6f-dirty`.

    Args:
        package: folder of the package; None: this one.
        environment: where `scripts/setup` noted what it installed; None: the environment that runs this.
    """
    version = _version("edge-glasses") or "unknown"
    checkout = (package or Path(__file__).resolve().parent.parent).parent
    if (checkout / ".git").exists():
        head = _git(checkout, "rev-parse", "--short=12", "HEAD")
        changed = _git(checkout, "status", "--porcelain", "--untracked-files=no")
        return version if not head else f"{version}+{head}" + ("-dirty" if changed or changed is None else "")
    noted = text((environment or Path(sys.prefix)) / ".edge-commit") or ""
    return f"{version}+{noted}" if _NOTED.fullmatch(noted) else version


def _git(checkout: Path, *arguments: str) -> str | None:
    command = ["git", "-C", str(checkout), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_GIT_S)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _given(file: Path) -> str | None:
    """A name of the firmware, unless its maker left the form empty."""
    said = text(file)
    return None if said is None or _NO_NAME.match(said) else said


def _memory(root: Path) -> float | None:
    total = memory_mb(root, "MemTotal")
    if total is None:
        told = whole(answer(root, "usr/sbin/sysctl", "-n", "hw.memsize"))
        total = None if told is None else round(told / 1e6, 1)
    limit = processor.memory_limit_mb(root)
    return min((mb for mb in (total, limit) if mb is not None), default=None)


def _os_name(root: Path) -> str:
    """os-release(5), or what Python calls the system."""
    for file in ("etc/os-release", "usr/lib/os-release"):
        match = re.search(r'^PRETTY_NAME=["\']?(.*?)["\']?$', text(root / file) or "", re.MULTILINE)
        if match:
            return match[1]
    version = platform.mac_ver()[0]
    return f"macOS {version}" if version else f"{platform.system()} {platform.version()}".strip()


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _providers() -> tuple[str, ...]:
    from edge.inference.sessions import import_onnxruntime

    try:
        return tuple(import_onnxruntime().get_available_providers())
    except Exception:  # noqa: BLE001 - a broken runtime is the business of the stages, which tell it
        return ()
