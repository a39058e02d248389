"""Fixtures for all tests, and the promise that no test leaves the machine."""

import errno
import ipaddress
import socket
import sys
import wave
from pathlib import Path

import pytest
from fake_hub import FakeHub

from edge.errors import EdgeError
from edge.hub.store import ModelStore

SHARED = Path(__file__).resolve().parent.parent.parent / "shared"


def _is_local(host) -> bool:
    if host in (None, "", b"", "localhost", b"localhost"):
        return True
    name = host.decode() if isinstance(host, bytes) else str(host)
    try:
        return ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        return False


@pytest.fixture(autouse=True)
def attempts_to_leave(monkeypatch):
    """Blocks every socket that leads out of this machine, and fails the test that tried; loopback and Unix pass.

    Code under test sees a machine without a network, so a swallowed exception does not hide the attempt: the list
    of attempts is judged when the test is over. Only Python sockets of this process are seen.
    """
    attempts = []

    def refuse_unless_local(host):
        if not _is_local(host):
            attempts.append(host)
            raise OSError(errno.ENETUNREACH, f"the tests block the network, and this one wants {host}")

    def guarded(method):
        real = getattr(socket.socket, method)

        def call(self, *arguments):
            address = arguments[-1]
            if self.family in (socket.AF_INET, socket.AF_INET6) and isinstance(address, tuple):
                refuse_unless_local(address[0])
            return real(self, *arguments)

        monkeypatch.setattr(socket.socket, method, call)

    def guarded_lookup(name):
        real = getattr(socket, name)

        def look_up(host, *arguments, **options):
            refuse_unless_local(host)
            return real(host, *arguments, **options)

        monkeypatch.setattr(socket, name, look_up)

    for method in ("connect", "connect_ex", "sendto"):
        guarded(method)
    for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex"):
        guarded_lookup(name)
    yield attempts
    assert attempts == [], f"this test tried to leave the machine: {attempts}"


def pytest_addoption(parser):
    parser.addoption("--need-models", action="store_true", help="a model that is not installed fails its tests")


@pytest.fixture(scope="session")
def model_folder(request):
    """Function from a model id to its folder in the real store; skips the test where it is not installed.

    With `--need-models` the test fails instead: where models were just pulled, nothing is skipped unseen.
    """
    store = ModelStore()

    def open_folder(model_id: str) -> Path:
        try:
            return store.open(model_id)
        except EdgeError as error:
            wanted = store.catalogue.get(model_id)
            if request.config.getoption("--need-models") and (wanted.default or wanted.task == "sample"):
                pytest.fail(str(error))
            pytest.skip(str(error))

    return open_folder


@pytest.fixture(scope="session")
def default_store(model_folder):
    """Root of the real store; skips the test unless everything that captions English in Portuguese is installed."""
    for model_id in ("silero-vad", "whisper-base", "mt-en-pt", "mt-pt-en"):
        model_folder(model_id)
    return ModelStore().root


@pytest.fixture(scope="session")
def complete_store(default_store, model_folder):
    """The same, unless the whole default set is installed."""
    for model in ModelStore().catalogue.defaults():
        model_folder(model.id)
    return default_store


@pytest.fixture(scope="session")
def demo_speech(model_folder):
    """The demo recording: 44 s of English, 48 kHz, one channel, 16 bit."""
    return model_folder("demo-speech") / "two_cities.wav"


@pytest.fixture
def cut_speech(demo_speech, tmp_path):
    """Function that writes seconds `start` to `end` of the demo recording to a WAV file and returns its path."""

    def cut(start_s: float, end_s: float, name: str = "speech.wav") -> Path:
        with wave.open(str(demo_speech)) as whole:
            whole.setpos(round(start_s * whole.getframerate()))
            data = whole.readframes(round((end_s - start_s) * whole.getframerate()))
            with wave.open(str(tmp_path / name), "wb") as part:
                part.setparams(whole.getparams())
                part.writeframes(data)
        return tmp_path / name

    return cut


@pytest.fixture
def sentence(cut_speech):
    """5 s of the demo recording, and the words said in it."""
    return cut_speech(8.4, 13.4, "sentence.wav"), "it was the epoch of belief it was the epoch of incredulity"


@pytest.fixture
def hub(monkeypatch):
    """A hub of models on loopback, empty at first; this process and those it starts ask it and no other."""
    running = FakeHub()
    monkeypatch.setenv("HF_ENDPOINT", running.endpoint)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.delenv("HF_TOKEN", raising=False)
    yield running
    running.close()


@pytest.fixture(scope="session")
def edge_command():
    """The start of a command line that runs the installed console script."""
    script = Path(sys.executable).with_name("edge")
    return [str(script)] if script.exists() else [sys.executable, "-m", "edge.cli"]


@pytest.fixture(scope="session")
def shared_data():
    """Folder of the evaluation data beside the checkout; skips the test where there is none."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip(f"no evaluation data at {folder}")
    return folder
