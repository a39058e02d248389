"""Everything after training: embedding and saliency, the graphs, and the calibration on what int8 says."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from recognizer_data import MEAN, STD, STRANGERS, Picture, labels_of, read
from recognizer_export import Recognizer, export, quantise
from recognizer_features import Cache
from recognizer_fitting import logistic, normalised, projection, ridge, teaching, temperature, threshold
from recognizer_gate import FLOAT_FILE
from recognizer_model import Top, Trunk, Weights
from recognizer_saliency import Teacher, pairs
from recognizer_training import features_of
from torch import nn

from edge.inference.sessions import Session, SessionFactory
from edge.perception.image_recognition import CONFIG_FILE, MODEL_FILE, RecognizerConfig, evidence, prepare
from edge.perception.prototypes import COHORT_FILE, direction

EMBEDDING = 384

_SHRINK, _POWER = 0.1, 0.5
_SALIENT_PICTURES = 500
_LEAST_KEPT = 0.93
_FALSE_NAMES = 0.01
_TRIALS = 100
_NEW_THINGS = 40
_COHORT = 512

Floats = npt.NDArray[np.float32]


def write_model(cache: Cache, top: Top, weights: Weights, out: Path, scratch: Path) -> None:
    """Write the float graph into `scratch`, the int8 graph and its configuration into `out`."""
    trunk = Trunk(cache.shape)
    trunk.load(weights)
    rows = [i for i in cache.train if cache.items[i].label != STRANGERS]
    names = [cache.items[i].label for i in rows]
    features = features_of(cache, top, rows)
    model = Recognizer(trunk, top, fit_embedding(features, names), fit_saliency(cache, top, weights))
    export(model, cache.shape.size, scratch / FLOAT_FILE)
    out.mkdir(parents=True, exist_ok=True)
    quantise(scratch / FLOAT_FILE, out / MODEL_FILE)
    session = SessionFactory().open(out / MODEL_FILE, threads=2)
    cohort = cohort_of(cache, session).astype(np.float16)
    np.save(out / COHORT_FILE, cohort)
    config = calibrate(cache, session, np.asarray(cohort, np.float32))
    told = new_things(cache, top, features, names, config.taught_threshold)
    (scratch / "teach.json").write_text(json.dumps(told) + "\n", encoding="utf-8")
    (out / CONFIG_FILE).write_text(json.dumps(asdict(config), indent=1) + "\n", encoding="utf-8")


def fit_embedding(features: Floats, names: Sequence[str]) -> nn.Linear:
    """From the whole training pictures of the categories: features [n, 1536] and labels."""
    groups = np.unique(names, return_inverse=True)[1]
    return _linear(*projection(features, [int(group) for group in groups], EMBEDDING, _SHRINK, _POWER))


def new_things(
    cache: Cache, top: Top, features: Floats, names: Sequence[str], taught_threshold: float
) -> dict[str, float]:
    """What teaching gives for categories that the projection of the embedding never saw, though the blocks did.

    The projection is fitted again without them; the pictures taught and shown are of the test part.
    """
    random, labels = np.random.default_rng(5), np.asarray(names)
    chosen = random.permutation(np.unique(labels))[:_NEW_THINGS]
    rest = ~np.isin(labels, chosen)
    groups = np.unique(labels[rest], return_inverse=True)[1]
    matrix, constant = projection(features[rest], [int(group) for group in groups], EMBEDDING, _SHRINK, _POWER)
    rows = [i for i, item in enumerate(cache.items) if item.part == "test" and item.label in chosen]
    cohort = np.asarray(normalised(features[rest] @ matrix.T + constant), np.float32)
    cohort = cohort[random.permutation(len(cohort))[:_COHORT]]
    shown = np.asarray(normalised(features_of(cache, top, rows) @ matrix.T + constant), np.float32)
    shown_names = [cache.items[i].label for i in rows]
    best, right, strange = teaching(shown, shown_names, lambda views: direction(views, cohort), _TRIALS)
    return {
        "recognised": float((right & (best >= taught_threshold)).mean()),
        "strangers named": float((strange >= taught_threshold).mean()),
        "categories": _NEW_THINGS,
    }


def cohort_of(cache: Cache, session: Session) -> Floats:
    """Embeddings of training pictures as the int8 graph sees them, strangers among them: float32 [m, d]."""
    chosen = np.random.default_rng(9).permutation(cache.train)[:_COHORT]
    return outputs_of(session, _plain(cache), [cache.items[int(i)] for i in chosen], cache.data)[1]


def fit_saliency(cache: Cache, top: Top, weights: Weights) -> nn.Linear:
    """A least-squares fit of the logit of the teacher's saliency."""
    chosen = [int(i) for i in np.random.default_rng(3).permutation(cache.train)[:_SALIENT_PICTURES]]
    tokens, wanted = pairs(cache, Teacher(cache.shape, weights), top, chosen)
    clipped = np.clip(wanted, 0.02, 0.98)
    matrix, constant = ridge(tokens, np.log(clipped / (1 - clipped)), 1e-3)
    return _linear(matrix[np.newaxis], np.array([constant]))


def calibrate(cache: Cache, session: Session, cohort: Floats) -> RecognizerConfig:
    """All numbers of config.json, from the validation part as the int8 graph sees it."""
    plain = _plain(cache)
    labels = plain.labels
    items = [item for item in cache.items if item.part == "validation"]
    logits, embeddings = outputs_of(session, plain, items, cache.data)
    known = np.array([item.label != STRANGERS for item in items])
    targets = np.array([labels.index(item.label) for item in items if item.label != STRANGERS])
    signs = evidence(logits)
    weights, bias = logistic(signs, known)
    chances = 1 / (1 + np.exp(-(signs @ weights + bias)))
    names = [item.label for item in items]
    _, _, strange = teaching(embeddings, names, lambda views: direction(views, cohort), _TRIALS)
    return replace(
        plain,
        temperature=round(temperature(logits[known, :-1], targets), 4),
        known_weights=tuple(round(float(value), 5) for value in weights),
        known_bias=round(bias, 5),
        unknown_threshold=round(threshold(chances[known], chances[~known], _LEAST_KEPT), 4),
        taught_threshold=round(float(np.quantile(strange, 1 - _FALSE_NAMES)), 4),
    )


def outputs_of(
    session: Session, config: RecognizerConfig, items: Sequence[Picture], data: Path
) -> tuple[Floats, Floats]:
    """Logits [n, classes] and embeddings [n, d] of pictures, one at a time, as on the device."""
    logits, embeddings = [], []
    for item in items:
        batch = prepare(read(data / item.file), config)[np.newaxis]
        one, two = session.run(["logits", "embedding"], {"image": batch})
        logits.append(one[0])
        embeddings.append(two[0])
    return np.stack(logits), normalised(np.stack(embeddings))


def _plain(cache: Cache) -> RecognizerConfig:
    """A configuration that calibrates nothing."""
    labels = labels_of(cache.items)
    return RecognizerConfig(labels, cache.shape.size, MEAN, STD, 1.0, (1.0, 0.0, 0.0), 0.0, 0.5, 0.5, EMBEDDING)


def _linear(matrix: npt.NDArray[np.floating], constant: npt.NDArray[np.floating]) -> nn.Linear:
    layer = nn.Linear(matrix.shape[1], matrix.shape[0])
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(np.asarray(matrix, np.float32)))
        layer.bias.copy_(torch.from_numpy(np.asarray(constant, np.float32)))
    return layer
