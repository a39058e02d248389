"""The torch parts of the recogniser's training, with random weights and a tiny data folder."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the recogniser is trained with torch, which is not installed here")

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
SIZE, FROZEN, DEPTH = 28, 1, 2


@pytest.fixture(autouse=True)
def scripts_on_path(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    torch.manual_seed(0)


@pytest.fixture
def shape():
    from recognizer_model import Shape

    return Shape(SIZE, DEPTH, FROZEN, classes=3, embedding=8)


@pytest.fixture
def data(tmp_path):
    """Red and green pictures, and grey strangers."""
    import cv2

    random = np.random.default_rng(0)
    rows = ["file\tlabel\tsource"]
    for label, colour in (("red", (20, 20, 220)), ("green", (20, 220, 20)), ("_background", (120, 120, 120))):
        (tmp_path / "set" / label).mkdir(parents=True)
        for number in range(12):
            name = f"set/{label}/image_{number:04}.jpg"
            noise = random.integers(-20, 20, (40, 50, 3))
            cv2.imwrite(str(tmp_path / name), np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8))
            rows.append(f"{name}\t{label}\tset")
    (tmp_path / "manifest.tsv").write_text("\n".join(rows) + "\n")
    return tmp_path


@pytest.fixture
def cache(shape, data, tmp_path):
    from recognizer_data import pictures
    from recognizer_features import Cache
    from recognizer_model import Trunk

    made = Cache(tmp_path / "scratch", shape, pictures(data), data)
    made.fill(Trunk(shape).eval(), 2, "cpu")
    return made


def test_folding_the_scales_changes_nothing(shape):
    from recognizer_export import Folded
    from recognizer_model import WIDTH, Block

    block = Block().eval()
    with torch.no_grad():
        block.scale1.uniform_(0.1, 2)
        block.scale2.uniform_(0.1, 2)
    tokens = torch.randn(2, 5, WIDTH)
    with torch.inference_mode():
        assert torch.allclose(Folded(block)(tokens), block(tokens), atol=1e-5)


def test_thinning_keeps_the_class_token_and_half_of_the_patches():
    from recognizer_training import thin

    tokens = torch.arange(145.0)[None, :, None].expand(4, -1, 3)
    for _ in range(20):
        kept = thin(tokens, 0.5)[:, :, 0]
        assert (kept[:, 0] == 0).all()
        assert 66 <= kept.shape[1] - 1 <= 78
        assert all(len(set(row.tolist())) == len(row) for row in kept)


def test_a_filled_cache_is_not_made_again(cache, shape):
    from recognizer_model import Trunk

    before = [np.array(cache.tokens(view)) for view in (0, 1, 2)]
    cache.fill(Trunk(shape).eval(), 2, "cpu")
    assert all(np.array_equal(one, cache.tokens(view)) for view, one in enumerate(before))
    assert cache.views() == [1, 2]
    assert len(before[0]) == len(cache.items)
    assert len(before[1]) == len(cache.train) + len(cache.pieces)


def test_training_learns_and_goes_on_from_its_checkpoint(cache, shape, tmp_path, capsys):
    from recognizer_data import labels_of
    from recognizer_model import Top
    from recognizer_training import Plan, logits_of, start_head, train

    labels = labels_of(cache.items)
    top = Top(shape)
    start_head(cache, top, labels)
    plan = Plan(epochs=2, batch=8)
    mean = train(cache, top, labels, plan, tmp_path / "top.pt")
    assert capsys.readouterr().out.count("epoch") == 2
    known = [i for i, item in enumerate(cache.items) if item.label in labels]
    best = logits_of(cache, mean, known)[:, :-1].argmax(axis=1)
    assert (best == [labels.index(cache.items[i].label) for i in known]).mean() > 0.8
    again = train(cache, Top(shape), labels, plan, tmp_path / "top.pt")
    assert capsys.readouterr().out == ""
    assert all(torch.equal(one, two) for one, two in zip(mean.parameters(), again.parameters(), strict=True))


def test_halfway_is_the_mean_of_the_weights(shape):
    from recognizer_model import Top
    from recognizer_training import halfway

    one, two = Top(shape), Top(shape)
    mean = halfway(one, two)
    assert torch.allclose(mean.head.weight, (one.head.weight + two.head.weight) / 2)
    assert not torch.equal(one.head.weight, two.head.weight)


def test_a_checkpoint_of_another_plan_is_refused(cache, shape, tmp_path):
    from recognizer_data import labels_of
    from recognizer_model import Top
    from recognizer_training import Plan, train

    labels = labels_of(cache.items)
    train(cache, Top(shape), labels, Plan(epochs=1, batch=8), tmp_path / "top.pt")
    with pytest.raises(ValueError, match="another plan"):
        train(cache, Top(shape), labels, Plan(epochs=2, batch=8), tmp_path / "top.pt")


def test_graphs_give_what_torch_gives(shape, tmp_path):
    from recognizer_export import OUTPUTS, Recognizer, export, quantise
    from recognizer_model import WIDTH, Top, Trunk
    from torch import nn

    from edge.inference.sessions import SessionFactory

    model = Recognizer(Trunk(shape), Top(shape), nn.Linear(4 * WIDTH, 8), nn.Linear(WIDTH, 1)).eval()
    export(model, SIZE, tmp_path / "float.onnx")
    quantise(tmp_path / "float.onnx", tmp_path / "int8.onnx")
    images = torch.randn(3, 3, SIZE, SIZE)
    with torch.inference_mode():
        expected = [value.numpy() for value in model(images)]
    for name, limit in (("float", 1e-4), ("int8", 0.1)):
        session = SessionFactory().open(tmp_path / f"{name}.onnx")
        made = session.run(list(OUTPUTS), {"image": images.numpy()})
        for one, two in zip(made, expected, strict=True):
            assert one.shape == two.shape
            assert np.abs(one - two).max() < limit * max(1, np.abs(two).max())
        assert np.linalg.norm(made[1], axis=1) == pytest.approx(1, abs=1e-3)
    assert (tmp_path / "int8.onnx").stat().st_size < 0.5 * (tmp_path / "float.onnx").stat().st_size
