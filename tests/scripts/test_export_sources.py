"""What is refused before torch is loaded, and in which words. No torch here: these tests run on the device side."""

import json
import os
import pickle
import struct
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from edge.errors import ExportError, RecipeError, StoreError
from edge.hub.recipes.safetensors_format import write_safetensors

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
VIT = {"model_type": "vit", "architectures": ["ViTForImageClassification"]}


@pytest.fixture(autouse=True)
def _scripts(scripts_on_path):
    pass


@pytest.fixture
def folder(tmp_path):
    """A source that passes: a configuration, weights, a processor."""
    source = tmp_path / "mug-finder"
    source.mkdir()
    _write_config(source)
    (source / "preprocessor_config.json").write_text("{}")
    write_safetensors(source / "model.safetensors", {"a": np.zeros((3, 4), np.float32), "b": np.ones(5, np.float16)})
    return source


def _write_config(source, **changes):
    (source / "config.json").write_text(json.dumps({**VIT, **changes}))


def _check(folder):
    from export_sources import check, find

    return check(find(str(folder), None, None, accept_licence=False))


def test_a_good_folder_passes(folder):
    found = _check(folder)
    assert found.model_type == "vit"
    assert found.architecture == "ViTForImageClassification"
    assert found.task == "image-recognition"
    assert found.weights.parameters == 17
    assert found.origin.repository == "mug-finder"
    assert found.origin.revision == ""
    assert found.origin.licence == "LicenseRef-unknown"


def test_a_folder_named_with_a_dot_has_its_real_name(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert _check(".").origin.name == "mug-finder"


def test_a_folder_without_config_is_refused(folder):
    (folder / "config.json").unlink()
    with pytest.raises(ExportError, match=r"mug-finder has no config\.json: it is no folder of a transformers model"):
        _check(folder)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("{", "is not valid JSON"),
        ("[1, 2]", "holds no JSON object"),
        ("{}", "names no model_type"),
        ('{"model_type": ["vit"]}', "names no model_type"),
        (b"\xff\xfe\x00", "is not valid JSON"),
        ("[" * 100_000, "is not valid JSON"),
    ],
)
def test_a_config_that_is_none_is_refused(folder, content, why):
    (folder / "config.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ExportError, match=why):
        _check(folder)


def test_an_unsupported_architecture_names_those_that_are_known(folder):
    _write_config(folder, model_type="llama", architectures=["LlamaForCausalLM"])
    with pytest.raises(ExportError, match=r"architecture 'llama' is not supported; known are clip, .*marian.*yolos"):
        _check(folder)


@pytest.mark.parametrize(
    ("architectures", "named"),
    [(["ViTModel"], "ViTModel"), ([], "no architectures"), (None, "no architectures"), ("ViT", "no architectures")],
)
def test_a_model_without_the_head_of_the_task_is_refused(folder, architectures, named):
    _write_config(folder, architectures=architectures)
    with pytest.raises(ExportError, match=rf"names {named}: for image-recognition a vit must be \*ForImageClassif"):
        _check(folder)


def test_the_head_decides_not_the_first_of_the_list(folder):
    _write_config(folder, architectures=["ViTModel", "ViTForImageClassification"])
    assert _check(folder).architecture == "ViTForImageClassification"


@pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json", "tokenizer_config.json"])
def test_code_that_comes_with_a_model_is_refused(folder, name):
    (folder / name).write_text(json.dumps({**VIT, "auto_map": {"AutoModel": "modeling_evil.EvilModel"}}))
    (folder / "modeling_evil.py").write_text("raise SystemExit(13)")
    with pytest.raises(ExportError, match=rf"{name} asks for code that comes with the model \(auto_map\)"):
        _check(folder)


def test_a_quantised_model_is_refused(folder):
    _write_config(folder, quantization_config={"bits": 4})
    with pytest.raises(ExportError, match="quantised already"):
        _check(folder)


def test_quantised_weights_are_refused_even_if_config_does_not_say_so(folder):
    write_safetensors(folder / "model.safetensors", {"a": np.zeros(8, np.uint8), "b": np.zeros(8, np.float32)})
    with pytest.raises(ExportError, match="tensors of type U8: it is quantised"):
        _check(folder)


class Evil:
    """Pickled, it writes a file when it is opened."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return (open, (str(self.marker), "w"))


def test_the_pickle_of_these_tests_would_run_code(tmp_path):
    pickle.loads(pickle.dumps(Evil(tmp_path / "ran"))).close()  # noqa: S301 - shows that the bait is one
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "weights.pth", "last.ckpt", "model.pkl"])
def test_a_pickle_alone_is_refused_and_not_opened(folder, tmp_path, name):
    (folder / "model.safetensors").unlink()
    (folder / name).write_bytes(pickle.dumps(Evil(tmp_path / "ran")))
    with pytest.raises(ExportError, match=rf"weights as {name} only: a pickle can run code .*refs/pr/N"):
        _check(folder)
    assert not (tmp_path / "ran").exists()


def test_a_pickle_beside_safetensors_is_not_shown_to_the_family(folder, tmp_path):
    from export_sources import stage

    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Evil(tmp_path / "ran")))
    (folder / "modeling_evil.py").write_text("")
    (folder / "optimizer.pt").write_bytes(b"")
    staged = tmp_path / "staged"
    staged.mkdir()
    upstream = stage(_check(folder), staged)
    seen = {"config.json", "preprocessor_config.json", "model.safetensors"}
    assert {path.name for path in staged.iterdir()} == set(upstream) == seen
    assert upstream["model.safetensors"].size == (folder / "model.safetensors").stat().st_size
    assert not (tmp_path / "ran").exists()


def test_no_weights_at_all(folder):
    (folder / "model.safetensors").unlink()
    with pytest.raises(ExportError, match=r"has no model\.safetensors"):
        _check(folder)


def test_an_adapter_is_no_model(folder):
    (folder / "model.safetensors").rename(folder / "adapter_model.safetensors")
    with pytest.raises(ExportError, match=r"holds adapter_model\.safetensors, but neither .*an adapter"):
        _check(folder)


def test_a_truncated_safetensors_says_how_much_is_there(folder):
    path = folder / "model.safetensors"
    whole = path.stat().st_size
    os.truncate(path, whole - 7)
    with pytest.raises(RecipeError, match=rf"model\.safetensors is truncated: b ends at byte {whole} of {whole - 7}"):
        _check(folder)


@pytest.mark.parametrize("kept", [0, 5, 8, 30])
def test_a_safetensors_cut_within_its_header(folder, kept):
    os.truncate(folder / "model.safetensors", kept)
    with pytest.raises(RecipeError, match=r"model\.safetensors is truncated"):
        _check(folder)


def test_a_header_longer_than_the_file(folder):
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", 2**63) + b"{}")
    with pytest.raises(RecipeError, match="truncated or no safetensors file"):
        _check(folder)


def test_a_git_lfs_pointer_is_no_safetensors(folder):
    (folder / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n")
    with pytest.raises(RecipeError, match=r"model\.safetensors is truncated or no safetensors file"):
        _check(folder)


@pytest.mark.parametrize(
    "parts",
    [
        {"a": ("F32", [2], [0, 8]), "b": ("F32", [2], [4, 12])},
        {"a": ("F32", [3], [0, 8])},
        {"a": ("F32", [2], [4, 12])},
    ],
    ids=["overlap", "shape lies", "gap"],
)
def test_a_header_that_contradicts_itself(folder, parts):
    entries = {name: {"dtype": d, "shape": s, "data_offsets": o} for name, (d, s, o) in parts.items()}
    header = json.dumps(entries).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(12))
    with pytest.raises(RecipeError, match="damaged"):
        _check(folder)


def _shard(folder, weight_map):
    write_safetensors(folder / "model-00001-of-00002.safetensors", {"a": np.zeros(6, np.float32)})
    write_safetensors(folder / "model-00002-of-00002.safetensors", {"b": np.zeros(4, np.float32)})
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))


WHOLE_MAP = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}


def test_sharded_weights_count_together(folder, tmp_path):
    from export_sources import stage

    _shard(folder, WHOLE_MAP)
    found = _check(folder)
    assert found.weights.parameters == 10
    (tmp_path / "staged").mkdir()
    assert {*WHOLE_MAP.values(), "model.safetensors.index.json"} <= set(stage(found, tmp_path / "staged"))


def test_a_missing_shard_is_named(folder):
    _shard(folder, WHOLE_MAP)
    (folder / WHOLE_MAP["b"]).unlink()
    with pytest.raises(ExportError, match=r"lacks model-00002-of-00002\.safetensors of its 2 parts"):
        _check(folder)


def test_a_tensor_missing_from_its_shard_is_named(folder):
    _shard(folder, {**WHOLE_MAP, "c": WHOLE_MAP["a"]})
    with pytest.raises(ExportError, match=r"model-00001-of-00002\.safetensors lacks c"):
        _check(folder)


@pytest.mark.parametrize("name", ["../secret.safetensors", "/etc/passwd", "pytorch_model.bin"])
def test_an_index_leads_nowhere_else(folder, name):
    _shard(folder, {**WHOLE_MAP, "c": name})
    with pytest.raises(ExportError, match="no safetensors file beside it"):
        _check(folder)


@pytest.mark.parametrize("index", ["[]", '{"weight_map": []}', '{"weight_map": {}}', "{"])
def test_an_index_that_is_none(folder, index):
    _shard(folder, WHOLE_MAP)
    (folder / "model.safetensors.index.json").write_text(index)
    with pytest.raises(ExportError, match=r"index\.json"):
        _check(folder)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "vocab.txt"])
def test_links_are_refused(folder, tmp_path, name):
    (tmp_path / "elsewhere").write_text("secret")
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ExportError, match=rf"{name} is a link to somewhere else; copy the files themselves: cp -rL"):
        _check(folder)


def test_a_folder_where_a_file_should_be(folder):
    (folder / "tokenizer.json").mkdir()
    with pytest.raises(ExportError, match=r"tokenizer\.json is no file"):
        _check(folder)


def _sparse(path, parameters):
    """Weights of so many zeros that take no room on the disk."""
    header = json.dumps({"w": {"dtype": "F16", "shape": [parameters], "data_offsets": [0, 2 * parameters]}}).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        file.truncate(8 + len(header) + 2 * parameters)


def test_a_model_of_2_gb_is_refused_at_once_with_its_size(folder):
    _sparse(folder / "model.safetensors", 2**29)
    with pytest.raises(ExportError, match=r"537 million parameters, 2\.1 GB as float32.*a smaller model"):
        _check(folder)


def test_a_model_just_below_2_gb_is_not(folder):
    _sparse(folder / "model.safetensors", 2**29 - 1)
    assert _check(folder).weights.parameters == 2**29 - 1


def test_a_full_disk_is_seen_before_the_work(folder, tmp_path, monkeypatch):
    import shutil

    from export_sources import check_room

    source = _check(folder)
    assert "mug-finder: ViTForImageClassification, image-recognition" in check_room(source, tmp_path)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=100))
    with pytest.raises(StoreError, match=r"not enough disk at .*needed, 0 MB free"):
        check_room(source, tmp_path)


def test_little_memory_is_said(folder, tmp_path, monkeypatch):
    import export_sources

    monkeypatch.setattr(export_sources, "available_mb", lambda: 100)
    assert export_sources.check_room(_check(folder), tmp_path).endswith("and only 100 MB are free")
    monkeypatch.setattr(export_sources, "available_mb", lambda: None)
    assert "only" not in export_sources.check_room(_check(folder), tmp_path)


@pytest.fixture
def loaded(monkeypatch):
    """Function: what transformers will say that it found when it loads the weights."""

    def say(missing=(), mismatched=()):
        class ViTForImageClassification:
            @classmethod
            def from_pretrained(cls, _folder, **options):
                assert options["use_safetensors"]
                assert options["local_files_only"]
                assert "trust_remote_code" not in options
                model = types.SimpleNamespace(state_dict=lambda: {"b": np.zeros((7, 2)), "a": np.zeros((4, 4))})
                return model, {"missing_keys": list(missing), "mismatched_keys": list(mismatched)}

        fake = types.SimpleNamespace(ViTForImageClassification=ViTForImageClassification, __version__="4.57.6")
        monkeypatch.setitem(sys.modules, "transformers", fake)

    return say


def test_weights_that_fill_the_model_pass(folder, loaded):
    from export_weights import check_complete

    loaded(missing=["bn.num_batches_tracked"])
    check_complete(folder, "ViTForImageClassification")


def test_what_transformers_would_fill_with_random_numbers_is_named(folder, loaded):
    from export_weights import check_complete

    loaded(missing=["head.weight", "head.bias"])
    with pytest.raises(
        ExportError, match=r"the weights lack head\.bias and 1 more, which ViTForImageClassification needs"
    ):
        check_complete(folder, "ViTForImageClassification")
    loaded(missing=["head.bias"])
    with pytest.raises(ExportError, match=r"the weights lack head\.bias, which"):
        check_complete(folder, "ViTForImageClassification")


def test_shapes_that_disagree_are_both_said(folder, loaded):
    from export_weights import check_complete

    loaded(mismatched=["b", "a"])
    with pytest.raises(
        ExportError, match=r"disagree: a should be \[4, 4\], and is \[3, 4\]; get both from one revision"
    ):
        check_complete(folder, "ViTForImageClassification")


def test_a_class_that_transformers_lacks(folder, loaded):
    from export_weights import check_complete

    loaded()
    with pytest.raises(ExportError, match=r"transformers 4\.57\.6 has no VitaminForImageClassification"):
        check_complete(folder, "VitaminForImageClassification")


def test_what_is_neither_folder_nor_repository(tmp_path, folder):
    from export_sources import find

    for model in ("nowhere", "a/b/c", "../x", "owner/", str(folder / "config.json"), ""):
        with pytest.raises(ExportError, match="neither a folder nor a repository"):
            find(model, None, None, accept_licence=False)


@pytest.mark.parametrize("licence", ["", "free for all!", "MIT;rm", "MIT OR"])
def test_a_licence_is_an_spdx_expression(folder, licence):
    from export_sources import find

    if licence:
        with pytest.raises(ExportError, match="no SPDX expression"):
            find(str(folder), None, licence, accept_licence=False)
    assert find(str(folder), None, "MIT OR Apache-2.0", accept_licence=False).licence == "MIT OR Apache-2.0"


def test_options_of_the_other_kind_of_source_are_refused(folder):
    from export_sources import find

    with pytest.raises(ExportError, match="--revision belongs to a repository"):
        find(str(folder), "main", None, accept_licence=False)
    with pytest.raises(ExportError, match="--licence belongs to a local folder"):
        find("owner/name", None, "MIT", accept_licence=False)


@pytest.mark.parametrize(
    ("model", "revision", "asked"),
    [
        ("owner/some-model", None, ("owner/some-model", None)),
        ("owner/some-model@v1", None, ("owner/some-model", "v1")),
        ("owner/some-model@refs/pr/3", None, ("owner/some-model", "refs/pr/3")),
        ("owner/some-model", "abc", ("owner/some-model", "abc")),
    ],
)
def test_a_repository_is_asked_for_by_name_and_revision(folder, monkeypatch, model, revision, asked):
    from export_sources import check, find

    from edge.hub import hub_snapshot

    wanted = []

    def snapshot(repository, revision, into, *, accept_licence, note):
        wanted.append((repository, revision))
        return hub_snapshot.Snapshot(folder, "https://hub/owner/some-model", "c0ffee", "MIT", {})

    monkeypatch.setattr(hub_snapshot, "snapshot", snapshot)
    found = check(find(model, revision, None, accept_licence=False))
    assert wanted == [asked]
    assert found.origin.name == "some-model"
    assert (found.origin.revision, found.origin.licence) == ("c0ffee", "MIT")
    assert found.origin.repository == found.origin.licence_url == "https://hub/owner/some-model"


def test_bad_input_is_refused_without_loading_torch(folder):
    """In a process of its own: nothing heavy has been imported when the refusal is printed."""
    (folder / "config.json").unlink()
    code = (
        "import sys; sys.path.insert(0, sys.argv.pop(1)); import export; code = export.main(sys.argv[1:]);"
        "print(sorted({'torch', 'transformers', 'optimum', 'onnxruntime', 'huggingface_hub'} & set(sys.modules)))"
        "; sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(SCRIPTS), str(folder), "--out", str(folder.parent / "out")],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stdout == "[]\n"
    assert done.stderr.startswith("export: ")
    assert len(done.stderr.splitlines()) == 1
    assert not (folder.parent / "out").exists()
