"""Entries as TOML: what is in the catalogue is exactly what is rendered."""

import re

import pytest

from edge.hub.catalogue import Catalogue, Model, catalogue_path, load_catalogue
from edge.hub.entry_text import render

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib

SHA = "ab" * 32


def entry(**changes):
    fields = {
        "id": "tiny",
        "task": "image-recognition",
        "title": "Tiny",
        "licence": "MIT",
        "licence_url": "https://example.org/licence",
        "upstream": {"repository": "https://example.org/tiny", "revision": "main"},
        "recipe": "copy",
        "ram_mb": 1,
        "disk_mb": 0.5,
        "files": [{"name": "a.onnx", "sha256": SHA, "size": 3, "sources": [{"url": "https://example.org/a.onnx"}]}],
    }
    return Model.model_validate(fields | changes)


def blocks(text):
    """Id of every entry to its text, without the blank lines and comments between them."""
    found = {}
    for part in re.split(r"^(?=\[\[)", text, flags=re.MULTILINE):
        if part.startswith("[[models]]"):
            kept = re.sub(r"\n(\s*#[^\n]*|\s*)+$", "", part) + "\n"
            found[re.search(r'^id = "(.*)"$', part, re.MULTILINE)[1]] = kept
    return found


def test_every_entry_of_the_catalogue_is_as_it_is_rendered():
    text = catalogue_path().read_text(encoding="utf-8")
    written = blocks(text)
    mirrors = tomllib.loads(text)["mirrors"]
    models = {model.id: model for model in load_catalogue().models if model.id in written}
    assert len(models) == len(written) > 100
    different = [id_ for id_, model in models.items() if render(model, mirrors) != written[id_]]
    assert not different


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"title": 'Say "tiny" \\ ä\x7f\t'},
        {"options": {"rename": {"a b.onnx": "c"}, "deep": [1, 2.5, True, {"x": []}]}},
        {"quality": [{"metric": "top-1", "data": "x", "value": 1e-7, "by": "here"}]},
        {"quality": [{"metric": name, "data": "x", "value": 1.0, "by": "here"} for name in ("a", "b")]},
        {"task": "translation", "source": "en", "target": "pt", "default": True},
    ],
)
def test_what_is_written_is_read_back(changes):
    model = entry(**changes)
    (read,) = tomllib.loads(render(model))["models"]
    assert Catalogue.model_validate({"models": [read]}).models == (model,)


def test_addresses_of_a_mirror_become_its_path_again():
    bases = ["https://one.example/x", "https://two.example"]
    sources = [{"url": f"{base}/a%20b.onnx", "path": "a b.onnx"} for base in bases]
    file = {"name": "a.onnx", "sha256": SHA, "size": 3, "sources": sources}
    assert '{ mirror = "m", path = "a b.onnx" } ] },' in render(entry(files=[file]), {"m": bases})
    assert "mirror" not in render(entry(files=[file]), {"m": [*bases, "https://three.example"]})


def test_a_missing_source_of_a_mirror_is_not_taken_for_the_mirror():
    file = {"name": "a", "sha256": SHA, "size": 3, "sources": [{"url": "https://one.example/a", "path": "a"}]}
    assert '{ url = "https://one.example/a", path = "a" }' in render(
        entry(files=[file]), {"m": ["https://one.example", "https://two.example"]}
    )
