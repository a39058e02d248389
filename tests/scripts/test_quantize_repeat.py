"""Repeating an earlier run gives its bytes, without any measurement."""

import json

import pytest


@pytest.fixture(autouse=True)
def _path(scripts_on_path):
    pass


@pytest.fixture
def quantize(exported, capsys):
    """Function: run the script on a tiny model; exit status and complaint."""
    import quantize as script

    def run(model_type, out, *arguments):
        status = script.main([str(exported(model_type)), "--out", str(out), "--rounds", "2", *map(str, arguments)])
        return status, capsys.readouterr().err

    return run


def untimed(*_, **__):
    raise AssertionError("nothing is to be measured")


def contents(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.name != "provenance.json"}


@pytest.mark.parametrize(
    ("model_type", "methods"),
    [("marian", ["rows", "weights4"]), ("vit", ["static"]), ("whisper", ["weights8"]), ("clip", ["weights4"])],
)
def test_the_bytes_are_the_same(model_type, methods, quantize, tmp_path, monkeypatch):
    import quantize_trial

    assert quantize(model_type, tmp_path / "one", "--methods", *methods) == (0, "")
    monkeypatch.setattr(quantize_trial, "ratios", untimed)
    assert quantize(model_type, tmp_path / "two", "--like", tmp_path / "one") == (0, "")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    one, two = (json.loads((tmp_path / name / "provenance.json").read_text()) for name in ("one", "two"))
    assert one["quantization"] == two["quantization"]


def test_choices_of_another_model_are_refused(quantize, tmp_path):
    quantize("marian", tmp_path / "one", "--methods", "weights8")
    status, complaint = quantize("vit", tmp_path / "two", "--like", tmp_path / "one")
    assert status == 2
    assert "the earlier choices are for the graphs encoder, decoder, not for model" in complaint
    assert not (tmp_path / "two").exists()


def test_a_float_folder_has_no_choices(quantize, exported, tmp_path):
    status, complaint = quantize("vit", tmp_path / "out", "--like", exported("vit"))
    assert status == 2
    assert "does not say how the graphs of a folder were quantised; leave out --like" in complaint


def test_a_method_that_is_gone_and_other_pictures_are_refused(quantize, tmp_path):
    quantize("vit", tmp_path / "one", "--methods", "static", "--min-fidelity", "1")
    told = json.loads((tmp_path / "one" / "provenance.json").read_text())
    graph = told["quantization"]["graphs"]["model"]

    def changed(**fields):
        graph.update({"chosen": "static", "method": "static", "data": "48 synthetic pictures"} | fields)
        (tmp_path / "one" / "provenance.json").write_text(json.dumps(told))
        return quantize("vit", tmp_path / "two", "--like", tmp_path / "one")[1]

    assert "was made by 'magic', which is not known any more" in changed(method="magic")
    assert "calibrated on 9 pictures of x, not on 48 synthetic pictures; give the same --data" in changed(
        data="9 pictures of x"
    )
