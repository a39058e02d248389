"""The catalogue that is shipped, and what no catalogue may say."""

import json
import re
import runpy
from collections import Counter
from pathlib import Path

import pytest
from pydantic import ValidationError

from edge.errors import RecipeError, StoreError, UnknownModelError
from edge.hub import recipes
from edge.hub.blobs import sha256_of
from edge.hub.catalogue import (
    PERMISSIVE,
    Catalogue,
    Model,
    PackagedSource,
    UrlSource,
    WheelSource,
    catalogue_path,
    load_catalogue,
)
from edge.hub.pull import pull

REPOSITORY = Path(__file__).resolve().parent.parent.parent
URL = "https://example.org/a"
HUB = {"repository": "owner/name"}


@pytest.fixture(scope="module")
def shipped():
    return load_catalogue()


@pytest.fixture
def entry(model_entry, file_entry):
    return model_entry("a", file_entry("a.bin", b"a", URL))


def test_default_set(shipped):
    assert [model.id for model in shipped.defaults()] == [
        "silero-vad",
        "whisper-base",
        "ppocr-det-small",
        "ppocr-rec-small",
        "recognizer-vit-s14",
        "font-noto-sans",
        "font-noto-sans-arabic",
        "font-heebo",
        "font-noto-sans-thai",
        "font-wqy-microhei",
        "mt-en-pt",
        "mt-pt-en",
    ]


def test_every_licence_is_permissive_but_of_those_that_must_be_accepted(shipped):
    others = [model.id for model in shipped.models if model.licence not in PERMISSIVE]
    assert others == ["mobilevit-small", "mobilevit-xx-small"]
    assert all(model.licence_url.startswith("https://") for model in shipped.models)
    assert all(model.upstream.repository.startswith("https://") for model in shipped.models)
    assert all(model.upstream.revision for model in shipped.models)


def test_hashes_are_hashes(shipped):
    files = [file for model in shipped.models for file in model.files]
    assert all(re.fullmatch("[0-9a-f]{64}", file.sha256) and file.size > 0 for file in files)
    assert all(re.fullmatch("[0-9a-f]{64}", wheel.sha256) for wheel in shipped.wheels)
    sizes = {(file.sha256, file.size) for file in files}
    assert len(sizes) == len({sha256 for sha256, _ in sizes})


def test_every_wheel_is_used_and_urls_are_encrypted(shipped):
    sources = [source for model in shipped.models for file in model.files for source in file.sources]
    assert {s.wheel for s in sources if isinstance(s, WheelSource)} == {w.requirement for w in shipped.wheels}
    assert all(s.url.startswith("https://") for s in sources if isinstance(s, UrlSource))


def test_platform_wheels_say_which(shipped):
    for wheel in shipped.wheels:
        tags = [wheel.platform, wheel.python, wheel.implementation, wheel.abi]
        assert all(tags) or not any(tags)


def test_fallbacks_serve_the_same_pair_and_end(shipped):
    for model in shipped.models:
        if model.fallback:
            other = shipped.get(model.fallback)
            assert (other.task, other.source, other.target) == (model.task, model.source, model.target)
            assert other.fallback is None


def test_firefox_models(shipped):
    models = [model for model in shipped.models if model.recipe == "marian" and not model.id.endswith("-2021")]
    assert len(models) == 137
    assert Counter(model.source == "en" for model in models)[True] == 68
    pairs = {(model.source, model.target) for model in models}
    assert {model.id for model in models} >= {f"mt-{source}-{target}" for source, target in pairs}
    for model in models:
        assert re.fullmatch(rf"mt-{model.source}-{model.target}(-base|-base-memory)?", model.id)
        assert model.options["source"] == model.source
        assert model.options["target"] == model.target
        assert re.fullmatch("[0-9a-f]{64}", model.options["model_sha256"])
        roles = {re.sub(r"\..*", "", file.name) for file in model.files}
        assert roles in ({"lex", "model", "vocab"}, {"lex", "model", "srcvocab", "trgvocab"})
        assert [len(file.sources) for file in model.files] == [2] * len(model.files)


def test_one_address_letter_by_letter(shipped):
    file = next(file for file in shipped.get("mt-en-pt").files if file.name.startswith("model"))
    assert file.sha256 == "7d32a94b48c6609e076117af40de560e000885f6729056215418f61a31251889"
    assert file.size == 13099731
    commit = "e7957fc407441a5e3e35bbcbf9d60d9b35764618"
    path = "models/tiny/enpt/model.enpt.intgemm.alphas.bin.gz"
    assert [source.url for source in file.sources] == [
        f"https://media.githubusercontent.com/media/mozilla/firefox-translations-models/{commit}/{path}",
        f"https://github.com/mozilla/firefox-translations-models/raw/{commit}/{path}",
    ]
    assert {source.mirror_path for source in file.sources} == {path}


@pytest.mark.shared
def test_generated_part_is_what_the_list_says(tmp_path):
    listed = REPOSITORY.parent / "shared" / "facts" / "firefox-models.json"
    if not listed.is_file():
        pytest.skip(f"no list of models at {listed}")
    script = runpy.run_path(str(REPOSITORY / "scripts" / "import_firefox.py"))
    generated = script["generate"](json.loads(listed.read_text(encoding="utf-8")))
    assert generated in catalogue_path().read_text(encoding="utf-8")


def test_the_import_script_on_a_small_list():
    script = runpy.run_path(str(REPOSITORY / "scripts" / "import_firefox.py"))
    file = {"sha256_gz": "0" * 64, "bytes_gz": 5}
    one = {
        "pair": "zhen",
        "source": "zh-Hans",
        "target": "en",
        "version": None,
        "flores": {"bleu": 30.0, "comet": None},
        "model_sha256": "1" * 64,
        "model_bytes": 17_000_000,
        "files": {"vocab.zhen.spm.gz": file, "qualityModel.zhen.bin.gz": file},
    }
    models = [one | {"architecture": name} for name in ("base", "base-memory")]
    text = script["generate"]({"repository": "mozilla/x", "commit": "c0ffee", "models": models})
    assert re.findall(r'^id = "(.*)"', text, re.MULTILINE) == ["mt-zh-en", "mt-zh-en-base"]
    assert "qualityModel" not in text
    assert text.count("COMET") == 0
    assert text.count('path = "models/base-memory/zhen/vocab.zhen.spm.gz"') == 1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"id": "Upper Case"}, "pattern"),
        ({"task": "cooking"}, "task"),
        ({"recipe": "stew"}, "no recipe named stew"),
        ({"source": "en"}, "source and target"),
        ({"task": "translation"}, "source and target"),
        ({"files": []}, "files"),
        ({"colour": "red"}, "colour"),
        ({"default": True, "licence": "CC-BY-NC-4.0"}, "permissive licence"),
        ({"default": True, "licence": "unknown"}, "permissive licence"),
    ],
)
def test_entries_that_are_refused(entry, change, says):
    with pytest.raises(ValidationError, match=says):
        Model.model_validate(entry | change)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"sha256": "abc"}, "sha256"),
        ({"size": 0}, "size"),
        ({"sources": []}, "sources"),
        ({"sources": [{"url": "ftp://example.org/a"}]}, "url"),
        ({"name": "../a"}, "name"),
    ],
)
def test_files_that_are_refused(entry, change, says):
    with pytest.raises(ValidationError, match=says):
        Model.model_validate(entry | {"files": [entry["files"][0] | change]})


def test_two_files_of_one_name_are_refused(entry):
    with pytest.raises(ValidationError, match="two files of one name"):
        Model.model_validate(entry | {"files": entry["files"] * 2})


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ([{}, {}], "listed twice: a"),
        ([{"fallback": "b"}], "fallback b is not listed"),
        ([{"fallback": "a"}], "one step is enough"),
    ],
)
def test_lists_that_are_refused(entry, changes, says):
    with pytest.raises(ValidationError, match=says):
        Catalogue.model_validate({"models": [entry | change for change in changes]})


def test_a_wheel_that_is_not_listed_is_refused(model_entry, file_entry):
    entry = model_entry("a", file_entry("a", b"a", {"wheel": "w==1", "path": "a"}))
    with pytest.raises(ValidationError, match="wheel w==1 is not listed"):
        Catalogue.model_validate({"models": [entry]})


def test_either_licence_will_do(entry):
    assert Model.model_validate(entry | {"licence": "GPL-3.0-only OR Apache-2.0"}).is_commercial
    assert not Model.model_validate(entry | {"licence": "GPL-3.0-only"}).is_commercial


def test_fingerprint_follows_what_the_build_depends_on(entry, monkeypatch):
    def fingerprint(**changes):
        return Model.model_validate(entry | changes).fingerprint

    same = fingerprint()
    assert re.fullmatch("[0-9a-f]{16}", same)
    assert fingerprint(title="other", default=True, ram_mb=9) == same
    assert fingerprint(options={"rename": {"a.bin": "b"}}) != same
    assert fingerprint(files=[entry["files"][0] | {"sha256": "1" * 64}]) != same
    assert fingerprint(files=[entry["files"][0] | {"name": "b"}]) != same
    monkeypatch.setattr(recipes, "VERSIONS", {**recipes.VERSIONS, "copy": 99})
    assert fingerprint() != same


def test_an_unknown_id_names_the_nearest(shipped):
    with pytest.raises(UnknownModelError, match="did you mean whisper-base"):
        shipped.get("wisper-base")
    with pytest.raises(UnknownModelError) as caught:
        shipped.get("xxxxxxxxxxxx")
    assert "did you mean" not in str(caught.value)


def test_named_mirrors_become_addresses(tmp_path, write_catalogue, model_entry, file_entry):
    file = file_entry("a", b"a", {"mirror": "m", "path": "x y/a[1].bin"})
    path = write_catalogue(model_entry("a", file))
    path.write_text('[mirrors]\nm = ["https://one.example/r", "https://two.example"]\n' + path.read_text())
    sources = load_catalogue(path).get("a").files[0].sources
    assert [source.url for source in sources] == [
        "https://one.example/r/x%20y/a%5B1%5D.bin",
        "https://two.example/x%20y/a%5B1%5D.bin",
    ]
    assert sources[0].mirror_path == "x y/a[1].bin"


def test_a_mirror_that_is_not_named_is_refused(write_catalogue, model_entry, file_entry):
    with pytest.raises(StoreError, match="no mirror named m"):
        load_catalogue(write_catalogue(model_entry("a", file_entry("a", b"a", {"mirror": "m", "path": "a"}))))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"models = [", "not valid TOML"),
        (b"\xff", "not valid TOML"),
        (b"models = 3", "is not valid"),
        (b"[[models]]\nfiles = 3", "is not valid"),
        (b"[[models]]\nid = 'a'", r"is not valid \(models.0"),
    ],
)
def test_a_file_that_is_no_catalogue(tmp_path, text, says):
    path = tmp_path / "catalog.toml"
    path.write_bytes(text)
    with pytest.raises(StoreError, match=says) as caught:
        load_catalogue(path)
    assert "\n" not in str(caught.value)


def test_a_missing_catalogue(tmp_path):
    with pytest.raises(StoreError, match="cannot be read"):
        load_catalogue(tmp_path / "none.toml")


def test_models_to_be_exported_have_no_files_and_others_have(shipped, model_entry, file_entry):
    exported = [model for model in shipped.models if not model.files]
    assert {model.recipe for model in exported} == {"export"}
    assert not any(model.default for model in exported)
    for entry in (
        model_entry("a", file_entry("a.bin", b"a", URL), recipe="export", hub=HUB),
        model_entry("a", recipe="copy"),
    ):
        with pytest.raises(ValidationError, match="every recipe but export"):
            Model.model_validate(entry)


def test_models_to_be_exported_say_where_from_and_others_do_not(shipped, model_entry, file_entry):
    for model in shipped.models:
        if model.hub is not None:
            assert model.upstream.repository == f"https://huggingface.co/{model.hub.repository}"
    for entry in (model_entry("a", recipe="export"), model_entry("a", file_entry("a.bin", b"a", URL), hub=HUB)):
        with pytest.raises(ValidationError, match="hub belongs to recipe export"):
            Model.model_validate(entry)
    with pytest.raises(ValidationError, match="repository"):
        Model.model_validate(model_entry("a", recipe="export", hub={"repository": "https://x/a/b"}))


def test_what_users_with_a_hub_find(shipped):
    repositories = {model.hub.repository.partition("/")[2]: model for model in shipped.models if model.hub}
    assert {"whisper-tiny", "whisper-base", "whisper-small"} <= set(repositories)
    for name, task in (
        ("mobilevit-small", "image-recognition"),
        ("deit-tiny-patch16-224", "image-recognition"),
        ("siglip-base-patch16-224", "image-recognition"),
        ("rtdetr_r18vd", "object-detection"),
        ("dfine-small-coco", "object-detection"),
        ("yolos-tiny", "object-detection"),
    ):
        assert repositories[name].task == task
    opus = [model for name, model in repositories.items() if name.startswith("opus-mt-")]
    assert len(opus) >= 30
    for model in opus:
        assert model.id == f"opus-mt-{model.source}-{model.target}"
        assert model.hub.repository == f"Helsinki-NLP/{model.id}"
        assert (model.task, model.licence, model.recipe) == ("translation", "CC-BY-4.0", "export")


def test_only_made_files_have_no_source(model_entry, file_entry):
    file = file_entry("a.bin", b"a")
    assert Model.model_validate(model_entry("a", file, recipe="made")).files[0].sources == ()
    with pytest.raises(ValidationError, match="only files of recipe made have no source"):
        Model.model_validate(model_entry("a", file))


FAMILY = """
[[families]]
id = "mt-{source}-{target}"
task = "translation"
title = "{source} to {target}"
licence = "MIT"
licence_url = "https://example.org"
upstream = { repository = "https://example.org/o/{source}{target}", revision = "main" }
recipe = "export"
hub = { repository = "o/{source}{target}" }
ram_mb = 1
disk_mb = 1.0
pairs = PAIRS
"""


@pytest.fixture
def family_of(tmp_path):
    def load(pairs):
        path = tmp_path / f"{len(pairs)}.toml"
        path.write_text(FAMILY.replace("PAIRS", json.dumps(pairs)))
        return load_catalogue(path)

    return load


def test_a_family_is_an_entry_per_pair(family_of):
    german, hawaiian = family_of(["de-en", "en-haw"]).models
    assert (german.id, german.source, german.target, german.title) == ("mt-de-en", "de", "en", "de to en")
    assert hawaiian.hub.repository == "o/enhaw"
    assert hawaiian.upstream.repository == "https://example.org/o/enhaw"


@pytest.mark.parametrize(
    ("pairs", "says"),
    [
        (["de-en", "de-en"], "a pair twice"),
        (["de"], "no pair 'de'"),
        (["DE-en"], "no pair 'DE-en'"),
        ([3], "tables are not"),
        ([["de", "en"]], "tables are not"),
    ],
)
def test_families_that_are_refused(family_of, pairs, says):
    with pytest.raises(StoreError, match=says):
        family_of(pairs)


def test_a_model_to_be_exported_says_so(make_store, model_entry):
    store = make_store(model_entry("a", recipe="export", task="image-recognition", hub=HUB))
    with pytest.raises(RecipeError, match=r"run scripts/make a there, .* then run here: edge models add quantised"):
        pull(store, store.catalogue, ["a"])


def test_what_comes_with_the_package_is_there_with_its_hash(shipped):
    packaged = [
        (file, source)
        for model in shipped.models
        for file in model.files
        for source in file.sources
        if isinstance(source, PackagedSource)
    ]
    assert len(packaged) == 3
    for file, source in packaged:
        assert sha256_of(catalogue_path().parent / source.packaged) == file.sha256
