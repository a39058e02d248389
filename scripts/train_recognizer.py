"""Makes the image recogniser: features, train, export, compare, gate, card; a step goes on where it was broken off.

    python scripts/train_recognizer.py all [--data FOLDER] [--weights FILE] [--device cuda]

Needs torch (CPU is enough), onnx, onnxruntime and opencv beside the package. The weights come from the model store
(`edge models pull vit-s14-focus`) unless a file is named. Steps:

    features  tokens after the frozen blocks, for the whole pictures and some random views, into --scratch
    train     the last blocks and the head; a checkpoint after every epoch
    export    fits embedding, saliency and calibration; writes float and int8 graphs and config.json
    compare   accuracy against latency of other sizes and depths (about half an hour)
    gate      measures both graphs on the test part and the time against the original's; 1 when a limit is missed
    card      writes models/cards/recognizer-vit-s14.md from what gate measured
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from recognizer_features import Cache
    from recognizer_model import Top

ROOT = Path(__file__).resolve().parents[1]
MODEL_ID = "recognizer-vit-s14"
WEIGHTS_ID = "vit-s14-focus"
WEIGHTS_FILE = "vit_s_focus.onnx"
SEED = 7


@dataclass(frozen=True)
class Options:
    """The command line.

    Attributes:
        data: folder with manifest.tsv.
        weights: the original graph.
        scratch: for caches and checkpoints.
        out: folder of the model.
        size: pixels of the input.
        depth: blocks that run.
        frozen: of these, blocks that are not trained.
        views: random views cached.
        device: torch's name.
    """

    data: Path
    weights: Path
    scratch: Path
    out: Path
    size: int
    depth: int
    frozen: int
    views: int
    device: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one step or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("step", choices=["features", "train", "export", "compare", "gate", "card", "all"])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "recognition")
    parser.add_argument("--weights", type=Path, help="vit_s_focus.onnx; without it, the one in the model store")
    parser.add_argument("--scratch", type=Path, default=ROOT / ".scratch" / "recognizer")
    parser.add_argument("--out", type=Path, default=ROOT / "models" / "recognizer")
    parser.add_argument("--size", type=int, default=168)
    parser.add_argument("--depth", type=int, default=11)
    parser.add_argument("--frozen", type=int, default=8)
    parser.add_argument("--views", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parsed = vars(parser.parse_args(arguments))
    step = parsed.pop("step")
    parsed["weights"] = parsed["weights"] or _stored_weights()
    options = Options(**parsed)
    names = list(_steps()) if step == "all" else [step]
    return max(_steps()[name](options) for name in names)


def features(options: Options) -> int:
    """Fill the cache."""
    from recognizer_model import Trunk, read_weights

    cache = _cache(options)
    trunk = Trunk(cache.shape)
    trunk.load(read_weights(options.weights))
    cache.fill(trunk.eval().to(options.device), options.views, options.device)
    return 0


def train(options: Options) -> int:
    """Train and keep the mean of the weights."""
    import torch
    from recognizer_data import labels_of
    from recognizer_model import Top, read_weights
    from recognizer_training import ROUNDS, train_rounds

    cache = _cache(options)
    top = Top(cache.shape)
    top.load(read_weights(options.weights))
    name = _name(options)
    mean = train_rounds(cache, top, labels_of(cache.items), options.scratch / name, options.device)
    torch.save(mean.state_dict(), options.scratch / f"{name}_mean.pt")
    told = {key: getattr(options, key) for key in ("size", "depth", "frozen")}
    told |= {"epochs": [plan.epochs for plan in ROUNDS], "views": [plan.views for plan in ROUNDS]}
    (options.scratch / "plan.json").write_text(json.dumps(told) + "\n", encoding="utf-8")
    return 0


def export(options: Options) -> int:
    """Fit what is fitted after training; write the model folder."""
    from recognizer_assembly import write_model
    from recognizer_model import read_weights

    cache = _cache(options)
    write_model(cache, _trained(options, cache), read_weights(options.weights), options.out, options.scratch)
    return 0


def compare(options: Options) -> int:
    """Measure other sizes and depths."""
    from recognizer_compare import compare as run
    from recognizer_model import read_weights

    cache = _cache(options)
    weights = read_weights(options.weights)
    for row in run(cache, _trained(options, cache), weights, options.weights, options.scratch):
        print(row)
    return 0


def gate(options: Options) -> int:
    """Measure the written graphs on the test part; 1 when a limit is missed."""
    from recognizer_gate import measure, passes

    return 0 if passes(measure(options.data, options.out, options.weights, options.scratch)) else 1


def card(options: Options) -> int:
    """Write the model card."""
    from recognizer_card import write_card

    write_card(options.scratch / "gate.json", ROOT / "models" / "cards" / f"{MODEL_ID}.md")
    return 0


def _steps() -> dict[str, Callable[[Options], int]]:
    return {"features": features, "train": train, "export": export, "compare": compare, "gate": gate, "card": card}


def _cache(options: Options) -> Cache:
    import torch
    from recognizer_data import labels_of, pictures
    from recognizer_features import Cache
    from recognizer_model import Shape

    torch.manual_seed(SEED)
    items = pictures(options.data)
    shape = Shape(options.size, options.depth, options.frozen, len(labels_of(items)) + 1)
    return Cache(options.scratch, shape, items, options.data)


def _trained(options: Options, cache: Cache) -> Top:
    import torch
    from recognizer_model import Top

    top = Top(cache.shape)
    top.load_state_dict(torch.load(options.scratch / f"{_name(options)}_mean.pt", weights_only=True))
    top.eval()
    return top


def _name(options: Options) -> str:
    return f"top_{options.size}_{options.frozen}_{options.depth}"


def _stored_weights() -> Path:
    from edge.hub.store import ModelStore

    return ModelStore().open(WEIGHTS_ID) / WEIGHTS_FILE


if __name__ == "__main__":
    sys.exit(main())
