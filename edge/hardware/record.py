"""What a benchmark tells of the machine it ran on. Whatever cannot be read is None, never a guess."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Machine(_Record):
    """A machine as it was before the first measurement; names no person, no host and no path.

    Attributes:
        board: what kind of machine, as its firmware tells (`Raspberry Pi 5 Model B Rev 1.0`, a laptop's product name).
        cpu: model name of the processor.
        cpu_class: what it can do for int8, of `edge.inference.cpu.CpuClass`.
        features: those of its flags that matter for our arithmetic, sorted.
        cores: logical processors that this process may use.
        cores_physical: physical cores of the machine.
        max_mhz: highest clock that the system allows.
        governor: frequency governor; several are joined by commas.
        memory_mb: of the machine, or of its control group if that is less; 10^6 bytes.
        swap_mb: 10^6 bytes.
        os: pretty name and version.
        kernel: release.
        python: version.
        packages: versions of the packages that do the work, by name.
        providers: execution providers that ONNX Runtime offers here.
        virtual: hypervisor or container, if any can be seen (`kvm`, `docker`).
        emulated: whether the processor is emulated in software (qemu): its speed says nothing about any board.
        commit: version of this program, with the commit when it runs from a checkout (`-dirty` when changed).
    """

    board: str | None
    cpu: str | None
    cpu_class: str
    features: tuple[str, ...]
    cores: int
    cores_physical: int | None
    max_mhz: float | None
    governor: str | None
    memory_mb: float | None
    swap_mb: float | None
    os: str
    kernel: str
    architecture: str
    python: str
    packages: dict[str, str]
    providers: tuple[str, ...]
    virtual: str | None
    emulated: bool
    commit: str


class Condition(_Record):
    """How the machine feels at one moment.

    Attributes:
        at_s: seconds since the benchmark began.
        temperature_c: the hottest sensor of the processor.
        mhz: mean clock of the processors now.
        throttled: names of what holds the processor back now or did since the start of the machine (`under-voltage`,
            `throttled`, `frequency-capped`, `soft-temperature-limit`, each with `-now` or `-before`); None: unknown.
        load: processes that wanted a processor in the last minute.
        available_mb: memory that is free for use.
    """

    at_s: float
    temperature_c: float | None = None
    mhz: float | None = None
    throttled: tuple[str, ...] | None = None
    load: float | None = None
    available_mb: float | None = None
