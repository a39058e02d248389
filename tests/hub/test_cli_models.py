"""`edge models` as a program sees it."""

import json

import pytest
from typer.testing import CliRunner

from edge import cli_models
from edge.errors import DownloadError, ModelNotFoundError, UnknownModelError
from edge.hub import store as store_module
from edge.hub.catalogue import load_catalogue
from edge.hub.store import ModelStore


@pytest.fixture
def edge_models(server, monkeypatch, write_catalogue, model_entry, file_entry):
    """Runs a command on a catalogue of `good` (default), `new` (unreachable, falls back on good) and `bad`."""
    good = file_entry("good.bin", b"good", server.add("/good", b"good"))
    dead = file_entry("dead.bin", b"dead", "http://127.0.0.1:9/dead")
    quality = [{"metric": "BLEU", "data": "FLORES", "value": 46.2, "by": "upstream"}]
    path = write_catalogue(
        model_entry("good", good, default=True, quality=quality),
        model_entry("new", dead, fallback="good"),
        model_entry("bad", file_entry("bad.bin", b"bad", "http://127.0.0.1:9/bad"), languages=["en", "pt"]),
    )
    monkeypatch.setattr(store_module, "load_catalogue", lambda: load_catalogue(path))

    def run(*arguments):
        return CliRunner().invoke(cli_models.app, arguments)

    return run


def records(result):
    assert result.exit_code in (0, 1), result.exception
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_list(edge_models):
    listed = records(edge_models("list", "--json"))
    assert [(r["id"], r["state"], r["in_use"], r["default"]) for r in listed] == [
        ("good", "absent", None, True),
        ("new", "absent", None, False),
        ("bad", "absent", None, False),
    ]
    text = edge_models("list").stdout.splitlines()
    assert [line.split()[0] for line in text] == ["good", "new", "bad"]
    assert "default" in text[0]


def test_list_filters(edge_models):
    edge_models("pull")
    assert [r["id"] for r in records(edge_models("list", "--installed", "--json"))] == ["good", "new"]
    assert [r["id"] for r in records(edge_models("list", "--task", "translation", "--json"))] == []
    assert "-> good" in edge_models("list").stdout


def test_pull_prints_one_record_per_model(edge_models):
    result = edge_models("pull", "good", "new", "--json")
    good, new = records(result)
    assert (good["id"], good["status"], good["in_use"]) == ("good", "installed", "good")
    assert (new["id"], new["status"], new["in_use"]) == ("new", "fallback", "good")
    assert "new: using good instead" in result.stderr
    assert [r["status"] for r in records(edge_models("pull", "--json", "--quiet"))] == ["already"]


def test_pull_that_fails_says_so_and_raises(edge_models):
    result = edge_models("pull", "good", "bad", "--json")
    assert isinstance(result.exception, DownloadError)
    good, bad = (json.loads(line) for line in result.stdout.splitlines())
    assert good["status"] == "installed"
    assert (bad["id"], bad["status"]) == ("bad", "failed")
    assert "cannot be reached" in bad["error"]


def test_pull_from_a_folder_and_a_mirror(edge_models, tmp_path, server):
    (tmp_path / "stick").mkdir()
    (tmp_path / "stick" / "x").write_bytes(b"bad")
    edge_models("pull", "bad", "--from", str(tmp_path / "stick"))
    server.add("/m/dead", b"dead")
    edge_models("pull", "new", "--mirror", server.url("/m"), "--keep-downloads")
    assert [r["state"] for r in records(edge_models("list", "--json"))] == ["absent", "installed", "installed"]
    assert len(list(ModelStore().blobs.root.iterdir())) == 1


def test_info_says_which_is_in_use(edge_models):
    edge_models("pull")
    (info,) = records(edge_models("info", "new", "--json"))
    assert (info["state"], info["in_use"], info["fallback"]) == ("fallback", "good", "good")
    assert [file["name"] for file in info["files"]] == ["dead.bin"]
    text = edge_models("info", "new").stdout
    assert "state: fallback" in text
    assert "in_use: good" in text
    assert "quality: BLEU 46.2 on FLORES (by upstream)" in edge_models("info", "good").stdout
    assert "languages: en, pt" in edge_models("info", "bad").stdout


def test_verify(edge_models):
    assert edge_models("verify").stdout == ""
    edge_models("pull")
    assert records(edge_models("verify", "--json")) == [{"id": "good", "ok": True, "in_use": "good", "why": ""}]
    assert edge_models("verify").stdout == "good is intact\n"
    (ModelStore().open("good") / "good.bin").write_bytes(b"Good")
    result = edge_models("verify")
    assert result.exit_code == 1
    assert result.stdout.endswith("run: edge models pull good\n")
    (record,) = records(edge_models("verify", "good", "--json"))
    assert record["ok"] is False
    assert "good.bin" in record["why"]
    edge_models("pull")
    assert edge_models("verify").exit_code == 0


def test_verify_of_what_is_not_installed(edge_models):
    assert isinstance(edge_models("verify", "bad").exception, ModelNotFoundError)


def test_remove(edge_models):
    edge_models("pull")
    assert records(edge_models("remove", "good", "bad", "--json")) == [
        {"id": "good", "removed": True},
        {"id": "bad", "removed": False},
    ]
    assert edge_models("remove", "good").stdout == "good was not installed\n"


def test_path(edge_models, tmp_path):
    assert edge_models("path").stdout == f"{tmp_path / 'store'}\n"
    assert isinstance(edge_models("path", "good").exception, ModelNotFoundError)
    edge_models("pull")
    (record,) = records(edge_models("path", "new", "--json"))
    assert record["folder"] == str(ModelStore().open("good"))


@pytest.mark.parametrize("command", ["info", "pull", "verify", "remove", "path"])
def test_unknown_id(edge_models, command):
    assert isinstance(edge_models(command, "gooood").exception, UnknownModelError)
