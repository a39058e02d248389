"""Nothing leaves this machine: what is imported, what is tried, and that nothing is missed without a network."""

import json
import os
import shutil
import socket
import subprocess
import sys

import pytest

NETWORK_CODE = {
    "aiohttp", "http.client", "httpx", "httpx2", "huggingface_hub", "onnx", "optimum", "pip", "requests", "ssl",
    "torch", "transformers", "urllib.request", "urllib3",
}  # fmt: skip
RUN_AND_LIST_MODULES = """
import json, sys
from edge import cli
sys.argv = ["edge", *sys.argv[1:]]
try:
    cli.main()
except SystemExit as ended:
    assert not ended.code, ended.code
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""
LOUD = ("CI", "GITHUB_ACTIONS", "TF_BUILD", "BUILD_ID", "ORT_DISABLE_TELEMETRY")


class TestTheGuardOfTheseTests:
    @pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1"])
    def test_connections_are_refused_and_noted(self, attempts_to_leave, host):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family) as outside:
            with pytest.raises(OSError, match="block the network"):
                outside.connect((host, 443))
            with pytest.raises(OSError, match="block the network"):
                outside.connect_ex((host, 443))
        with socket.socket(family, socket.SOCK_DGRAM) as outside, pytest.raises(OSError, match="block the network"):
            outside.sendto(b"hello", (host, 53))
        assert attempts_to_leave == [host] * 3
        attempts_to_leave.clear()

    def test_names_are_not_looked_up(self, attempts_to_leave):
        with pytest.raises(OSError, match="block the network"):
            socket.create_connection(("example.org", 443), timeout=1)
        with pytest.raises(OSError, match="block the network"):
            socket.gethostbyname("example.org")
        assert attempts_to_leave == ["example.org"] * 2
        attempts_to_leave.clear()

    def test_loopback_and_unix_sockets_pass(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            socket.create_connection(("localhost", server.getsockname()[1]), timeout=5).close()
        one, other = socket.socketpair()
        with one, other:
            one.sendall(b"hello")
            assert other.recv(5) == b"hello"


def test_importing_everything_a_session_needs_loads_no_network_code():
    imports = "import edge, edge.app, edge.cli, edge.doctor, edge.interface, edge.session, json, sys"
    listing = subprocess.run(
        [sys.executable, "-c", f"{imports}; print(json.dumps(sorted(sys.modules)))"],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert NETWORK_CODE & set(json.loads(listing.stdout)) == set()


@pytest.mark.models
def test_a_whole_session_loads_no_network_code(default_store, sentence, tmp_path):
    options = ["run", "--replay", str(sentence[0]), "--pace", "max", "--from", "en", "--to", "pt"]
    outputs = ["--hud", f"{tmp_path}/hud.png", "--hud", f"{tmp_path}/hud.mp4", "--events", f"{tmp_path}/events.jsonl"]
    ran = subprocess.run(
        [sys.executable, "-c", RUN_AND_LIST_MODULES, *options, *outputs],
        capture_output=True, text=True, check=False, timeout=120, env={**os.environ, "EDGE_MODELS": str(default_store)},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    loaded = set(json.loads(ran.stderr.splitlines()[-1]))
    assert {"onnxruntime", "av", "tokenizers"} <= loaded, "the session did not do what it should"
    assert '"Subtitle"' in (tmp_path / "events.jsonl").read_text()
    assert NETWORK_CODE & loaded == set()


def has_network_namespaces():
    if not (shutil.which("unshare") and shutil.which("ip")):
        return False
    probe = subprocess.run(["unshare", "-rn", "true"], capture_output=True, check=False)
    return probe.returncode == 0


def can_trace():
    if not shutil.which("strace"):
        return False
    return (
        subprocess.run(["strace", "-f", "-qq", "-o", os.devnull, "true"], capture_output=True, check=False).returncode
        == 0
    )


@pytest.fixture
def live_session_alone(default_store, cut_speech, edge_command, tmp_path):
    """Function that runs 13 s of live-paced captions behind `prefix`, in a network namespace without interfaces."""
    if not has_network_namespaces():
        pytest.skip("this machine gives no network namespaces (unshare -rn)")
    speech = cut_speech(8.0, 21.0)
    events = tmp_path / "events.jsonl"
    home = tmp_path / "home"
    home.mkdir()
    environment = {name: value for name, value in os.environ.items() if name not in LOUD}
    environment |= {"EDGE_MODELS": str(default_store), "HOME": str(home)}

    def run(*prefix):
        command = [*edge_command, "run", "--replay", str(speech), "--from", "en", "--to", "pt", "--hud", "console"]
        ran = subprocess.run(
            ["unshare", "-rn", *prefix, *command, "--events", str(events)],
            capture_output=True, text=True, check=False, timeout=120, env=environment,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr
        return [json.loads(line) for line in events.read_text().splitlines()], home

    return run


@pytest.mark.models
@pytest.mark.slow
def test_a_live_session_in_a_world_without_network(live_session_alone):
    """Long enough for libraries that wait before they report home: ONNX Runtime takes 9 s, and keeps quiet in a CI."""
    events, home = live_session_alone()
    assert events[-1]["event"] == "SessionEnded"
    assert events[-1]["captured_ns"] - events[0]["captured_ns"] >= 12 * 10**9
    assert "epoch of belief" in next(event["source"] for event in events if event["event"] == "Subtitle")
    left = sorted(str(path.relative_to(home)) for path in home.rglob("*"))
    assert [path for path in left if "onnxruntime" in path.lower() or "microsoft" in path.lower()] == []


@pytest.mark.models
@pytest.mark.slow
def test_a_live_session_does_not_even_try_to_leave(live_session_alone, tmp_path):
    if not can_trace():
        pytest.skip("no strace here, or it may not trace: attempts cannot be counted")
    calls = tmp_path / "calls"
    tracer = ["strace", "-f", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o", str(calls)]
    events, _ = live_session_alone(*tracer)
    assert events[-1]["subtitles"] >= 1
    away = [line for line in calls.read_text().splitlines() if "sa_family=AF_INET" in line]
    assert [line for line in away if '"127.' not in line and '"::1"' not in line] == []
