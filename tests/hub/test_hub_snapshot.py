"""Repositories of the hub, from a server on loopback that speaks its protocol."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from edge.errors import DownloadError, LicenceError, StoreError
from edge.hub.hub_listing import RemoteFile, choose, list_repository, spdx
from edge.hub.hub_snapshot import cache_root, snapshot

REPOSITORY = Path(__file__).resolve().parent.parent.parent
WEIGHTS = bytes(range(256)) * 4096  # 1 MiB
FILES = {
    "config.json": b'{"model_type": "vit"}',
    "preprocessor_config.json": b"{}",
    "model.safetensors": WEIGHTS,
    "pytorch_model.bin": b"a pickle",
    "README.md": b"---\nlicense: apache-2.0\n---\n",
    "onnx/model.onnx": b"not asked for",
    "tf_model.h5": b"neither",
}
WANTED = ["README.md", "config.json", "model.safetensors", "preprocessor_config.json"]


@pytest.fixture
def take(tmp_path):
    """Takes a snapshot; `take.notes` is what was told."""

    def run(name="a/b", revision=None, *, accept_licence=False):
        return snapshot(name, revision, tmp_path / "cache", accept_licence=accept_licence, note=run.notes.append)

    run.notes = []
    return run


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_only_what_the_chain_needs_with_its_hashes(hub, take, tmp_path):
    repository = hub.add("a/b", FILES)
    got = take()
    assert got.folder == tmp_path / "cache" / "a--b" / repository.commit
    assert (got.revision, got.licence) == (repository.commit, "Apache-2.0")
    assert got.repository == got.licence_url == f"{hub.endpoint}/a/b"
    assert names(got.folder) == WANTED == sorted(got.files)
    for name in WANTED:
        assert (got.folder / name).read_bytes() == FILES[name]
        assert got.files[name].sha256 == hashlib.sha256(FILES[name]).hexdigest()
        assert got.files[name].size == len(FILES[name])
    assert not hub.asked(r"\.bin|\.h5|onnx/")
    assert len(take.notes) == 1
    assert "Apache-2.0: 1.0 MB to download" in take.notes[0]
    assert names(tmp_path / "cache" / "partial") == []


def test_what_is_here_is_not_fetched_again(hub, take):
    hub.add("a/b", FILES)
    take()
    hub.requests.clear()
    again = take()
    assert not hub.asked("resolve|cdn")
    (again.folder / "config.json").write_bytes(b'{"model_type": "vil"}')  # same size
    (again.folder / "model.safetensors").unlink()
    assert (take().folder / "config.json").read_bytes() == FILES["config.json"]
    assert {path.rpartition("/")[2] for _, path, *_ in hub.asked("resolve|cdn")} == {"config.json", "model.safetensors"}


def test_a_dropped_connection_is_continued(hub, take):
    repository = hub.add("a/b", FILES, drops=[300_000, 600_000])
    assert (take().folder / "model.safetensors").read_bytes() == WEIGHTS
    assert repository.drops == []
    assert [asked for _, _, asked, _ in hub.asked("cdn")] == [None, "bytes=300000-", "bytes=900000-"]


def test_the_next_call_goes_on_where_the_last_one_broke_off(hub, take, tmp_path):
    repository = hub.add("a/b", FILES, drops=[500_000, *[0] * 9])
    with pytest.raises(DownloadError, match="the connection ended after 500000 of 1048576 bytes"):
        take()
    assert not (tmp_path / "cache" / "a--b" / repository.commit / "model.safetensors").exists()
    repository.drops.clear()
    hub.requests.clear()
    assert (take().folder / "model.safetensors").read_bytes() == WEIGHTS
    assert [asked for _, _, asked, _ in hub.asked("cdn")] == ["bytes=500000-"]


def test_wrong_bytes_of_a_large_file(hub, take, tmp_path):
    repository = hub.add("a/b", FILES, corrupt={"model.safetensors"})
    with pytest.raises(DownloadError, match=r"model.safetensors has SHA-256 .*, expected"):
        take()
    repository.corrupt.clear()
    assert (take().folder / "model.safetensors").read_bytes() == WEIGHTS


def test_wrong_bytes_of_a_small_file(hub, take):
    repository = hub.add("a/b", FILES, corrupt={"config.json"})
    with pytest.raises(DownloadError, match=r"config\.json has other bytes than the hub states"):
        take()
    repository.corrupt.clear()
    assert (take().folder / "config.json").read_bytes() == FILES["config.json"]


def test_no_repository(hub, take):
    with pytest.raises(DownloadError, match=r"no repository a/b at http://127.*private one needs HF_TOKEN"):
        take()


def test_no_revision(hub, take):
    hub.add("a/b", FILES)
    with pytest.raises(DownloadError, match="/a/b has no revision 'v9'"):
        take(revision="v9")


def test_a_listed_file_that_is_gone(hub, take):
    hub.add("a/b", FILES, missing={"preprocessor_config.json"})
    with pytest.raises(DownloadError, match=r"a file that was listed is gone; run again"):
        take()


@pytest.mark.parametrize("name", ["vit", "../b", "a/b/c", "-a/b", "https://x/a/b", ""])
def test_what_is_no_name(hub, take, name):
    with pytest.raises(DownloadError, match="is no repository of the hub; give it as owner/name"):
        take(name)
    assert hub.requests == []


def test_gated(hub, take):
    hub.add("a/b", FILES, gated=True)
    with pytest.raises(DownloadError, match=r"/a/b is gated: accept its terms there, set HF_TOKEN"):
        take()


def test_a_token_opens_private_ones_and_stays_with_the_hub(hub, take, monkeypatch):
    hub.add("a/b", FILES, token="secret")  # noqa: S106 - no real one
    monkeypatch.setenv("HF_TOKEN", "secret")
    take()
    assert {token for *_, token in hub.asked("resolve|api")} == {"Bearer secret"}
    assert [token for *_, token in hub.asked("cdn")] == [None]


@pytest.mark.parametrize("status", [500, 503])
def test_a_hub_in_trouble(hub, take, status):
    hub.add("a/b", FILES)
    hub.status = status
    with pytest.raises(DownloadError, match=f"answers HTTP {status} for a/b; try again later"):
        take()


def test_out_of_reach(take, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9/")
    with pytest.raises(
        DownloadError, match=r":9 cannot be reached \(Connection refused\); check the network"
    ) as caught:
        take()
    assert "\n" not in str(caught.value)


def test_offline(hub, take, monkeypatch):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    try:
        with pytest.raises(DownloadError, match="HF_HUB_OFFLINE is set; unset it"):
            take()
    finally:
        huggingface_hub.close_session()  # made offline, and kept for later calls


def test_disk_full(hub, take, monkeypatch):
    hub.add("a/b", FILES)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1_000_000))
    with pytest.raises(StoreError, match=r"not enough disk at .*: 2 MB needed, 1 MB free"):
        take()
    assert not hub.asked("resolve|cdn")


def test_cache_that_cannot_be_written(hub, take, tmp_path):
    hub.add("a/b", FILES)
    (tmp_path / "cache").write_bytes(b"a file")
    with pytest.raises(StoreError, match="cache"):
        take()


@pytest.mark.parametrize("licence", ["cc-by-nc-4.0", "other", None, ["mit", "cc-by-nc-4.0"]])
def test_licences_that_must_be_accepted(hub, take, licence):
    hub.add("a/b", FILES, licence=licence)
    with pytest.raises(
        LicenceError, match=r"model a/b is under .*, which does not allow every use; read http.*/a/b and"
    ):
        take()
    assert not hub.asked("resolve|cdn")
    assert take(accept_licence=True).licence not in ("MIT", "Apache-2.0")


def test_only_pickles(hub, take):
    files = {"config.json": b"{}", "pytorch_model.bin": b"a pickle", "tf_model.h5": b"x"}
    hub.add("a/b", files)
    with pytest.raises(DownloadError, match=r"only as pytorch_model.bin, tf_model.h5, which can carry code.*choose"):
        take()
    assert not hub.asked("resolve|cdn")


def test_only_pickles_but_a_proposal_has_safetensors(hub, take):
    files = {"config.json": b"{}", "pytorch_model.bin": b"a pickle"}
    converted = {**files, "model.safetensors": WEIGHTS}
    repository = hub.add("a/b", files, proposals={"refs/pr/2": converted, "refs/pr/10": files, "refs/pr/1": converted})
    with pytest.raises(DownloadError, match=r"with --revision refs/pr/2$"):
        take()
    got = take(revision="refs/pr/2")
    assert got.revision != repository.commit
    assert (got.folder / "model.safetensors").read_bytes() == WEIGHTS


def test_no_weights_at_all(hub, take):
    hub.add("a/b", {"config.json": b"{}"})
    with pytest.raises(DownloadError, match=r"/a/b has no weights \(\*.safetensors\)"):
        take()


def listed(*file_names):
    return [RemoteFile(name, 1, None, None) for name in file_names]


def test_one_set_of_weights():
    shards = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
    index = "model.safetensors.index.json"
    others = ("model.fp16.safetensors", "model.fp32-00001-of-00002.safetensors", "adapter_model.safetensors")
    whole = choose(listed("model.safetensors", index, *shards, *others))
    assert [file.name for file in whole] == ["model.safetensors"]
    sharded = choose(listed(index, *shards, *others))
    assert [file.name for file in sharded] == [index, *shards]
    assert choose(listed(*shards, *others)) == ()


def test_texts_of_every_family_are_taken():
    wanted = (
        "source.spm",
        "target.spm",
        "vocab.json",
        "merges.txt",
        "spiece.model",
        "tokenizer_config.json",
        "LICENSE",
    )
    assert [file.name for file in choose(listed(*wanted, "code.py", "weights.pkl", "sub/vocab.json"))] == list(wanted)


@pytest.mark.parametrize(
    ("name", "other", "expected"),
    [
        ("apache-2.0", None, "Apache-2.0"),
        ("cc-by-nc-sa-4.0", None, "CC-BY-NC-SA-4.0"),
        ("openrail++", None, "LicenseRef-openrail-"),
        ("other", "apple-amlr", "LicenseRef-apple-amlr"),
        ("other", None, "LicenseRef-other"),
        ("unknown", None, "LicenseRef-unknown"),
        (None, None, "LicenseRef-unknown"),
    ],
)
def test_licences_have_their_spdx_name(name, other, expected):
    assert spdx(name, other) == expected


def test_a_listing_says_what_a_download_would_be(hub):
    hub.add("a/b", FILES)
    found = list_repository("a/b")
    assert found.download_bytes == sum(len(FILES[name]) for name in WANTED)
    assert not hub.asked("resolve|cdn")


def test_the_cache_is_in_the_store(tmp_path):
    assert cache_root() == tmp_path / "store" / "hub"


def test_importing_reaches_for_nothing_heavy():
    code = "import sys, edge.hub.hub_snapshot; sys.exit('huggingface_hub' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_with_the_version_of_the_export_environment(hub, tmp_path):
    python = REPOSITORY / ".venv-export" / "bin" / "python"
    if not python.exists():
        pytest.skip("no .venv-export; run: scripts/setup export")
    hub.add("a/b", FILES, drops=[400_000])
    code = (
        "import sys; from pathlib import Path; from edge.hub.hub_snapshot import snapshot\n"
        "print(snapshot('a/b', None, Path(sys.argv[1]), accept_licence=False, note=print).folder)\n"
        "try: snapshot('a/c', None, Path(sys.argv[1]), accept_licence=False, note=print)\n"
        "except Exception as error: print(type(error).__name__, error)\n"
        "import os; os.environ['HF_ENDPOINT'] = 'http://127.0.0.1:9'\n"
        "try: snapshot('a/c', None, Path(sys.argv[1]), accept_licence=False, note=print)\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    surroundings = {key: value for key, value in os.environ.items() if key != "HF_HUB_OFFLINE"}
    run = subprocess.run(
        [python, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True, env=surroundings
    )
    _, folder, refused, unreachable = run.stdout.splitlines()
    assert names(Path(folder)) == WANTED
    assert (Path(folder) / "model.safetensors").read_bytes() == WEIGHTS
    assert refused.startswith("DownloadError no repository a/c at")
    assert unreachable.startswith("DownloadError http://127.0.0.1:9 cannot be reached (Connection refused)")
    assert [asked for _, _, asked, _ in hub.asked("cdn")] == [None, "bytes=400000-"]
