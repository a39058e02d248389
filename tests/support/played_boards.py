"""What the kernels of some boards say; a test writes it into a folder and calls that the machine."""

X86 = """processor\t: 0
vendor_id\t: GenuineIntel
model name\t: 11th Gen Intel(R)  Core(TM) i5-1135G7 @ 2.40GHz
cpu MHz\t\t: 2400.000
flags\t\t: fpu sse2 avx2 avx512f avx512_vnni fma
"""
PI = """processor\t: 0
Features\t: fp asimd evtstrm aes crc32 cpuid asimdrdm lrcpc dcpop asimddp
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x4
CPU part\t: 0xd0b
"""
MEMORY = """MemTotal:        8064000 kB
MemFree:          100000 kB
MemAvailable:    6000000 kB
SwapTotal:        204784 kB
"""


def zones(temperatures):
    """Thermal zones by type: what they say."""
    files = {}
    for index, (kind, said) in enumerate(temperatures.items()):
        files[f"sys/class/thermal/thermal_zone{index}/type"] = kind + "\n"
        files[f"sys/class/thermal/thermal_zone{index}/temp"] = said
    return files


def clocks(*governors, khz="1800000", now="1500000"):
    """One processor for each governor."""
    files = {}
    for index, governor in enumerate(governors):
        folder = f"sys/devices/system/cpu/cpu{index}/cpufreq"
        files |= {f"{folder}/scaling_governor": governor, f"{folder}/scaling_max_freq": khz}
        files |= {f"{folder}/scaling_cur_freq": now}
    return files


def write_board(root, files):
    """Write a folder of files, by path: text that begins with #! becomes a program, None a folder; gives the folder."""
    for name, said in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if said is None:
            path.mkdir()
            continue
        path.write_bytes(said if isinstance(said, bytes) else said.encode())
        if path.read_bytes().startswith(b"#!"):
            path.chmod(0o755)
    return root
