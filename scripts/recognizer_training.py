"""Training of the last blocks and the head on cached tokens; the mean of the weights is what is kept."""

# mypy: disable-error-code="misc,untyped-decorator,unused-ignore"
# (the environment that checks types has no torch: its classes are Any there, its decorators untyped)

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from recognizer_data import STRANGERS, Picture
from recognizer_features import Cache
from recognizer_metrics import auroc, top_one
from recognizer_model import Top
from torch import Tensor, nn
from torch.nn import functional

Numbers = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Plan:
    """How to train.

    Attributes:
        epochs: passes; each takes another view of each picture.
        batch: pictures a step.
        rate: learning rate of the head; the blocks have `block_rate`.
        block_rate: learning rate of the blocks.
        decay: weight decay of matrices.
        smoothing: label smoothing.
        mixing: share of the batches whose tokens are mixed in pairs.
        average: decay of the running mean of the weights.
        pieces: tiny pieces of pictures shown as strangers in an epoch.
        strangers: times a picture of strangers is seen in an epoch.
        keep: share of the patches that a step sees, a window or a random choice: a crop, and half the time.
        full: last epochs, which see all patches.
        views: random views used, of those cached.
        seed: of everything random.
    """

    epochs: int = 6
    batch: int = 64
    rate: float = 3e-4
    block_rate: float = 1e-4
    decay: float = 0.05
    smoothing: float = 0.1
    mixing: float = 0.4
    average: float = 0.99
    pieces: int = 120
    strangers: int = 3
    keep: float = 0.5
    full: int = 1
    views: int = 2
    seed: int = 7


ROUNDS = (
    Plan(),
    Plan(epochs=2, full=0, seed=8),
    Plan(epochs=4, full=0, views=3, rate=2e-4, block_rate=8e-5, seed=9),
)
"""What made the committed model: each round begins with the mean of those before."""


@dataclass(frozen=True)
class Example:
    """A row of a view: where the tokens lie, and the class."""

    row: int
    target: int
    whole: bool  # the plain view may be used, too


def train_rounds(cache: Cache, top: Top, labels: Sequence[str], checkpoints: Path, device: str = "cpu") -> Top:
    """Fit the head, train all rounds, and give the mean of their results; goes on where a broken run stopped.

    Args:
        cache: filled.
        top: with the original's weights.
        labels: categories.
        checkpoints: path and beginning of the files' names.
        device: torch's name.
    """
    files = [checkpoints.with_name(f"{checkpoints.name}_{number}.pt") for number in range(len(ROUNDS))]
    if not files[0].exists():
        start_head(cache, top, labels)
    mean = train(cache, top.to(device), labels, ROUNDS[0], files[0], device)
    for plan, file in zip(ROUNDS[1:], files[1:], strict=True):
        mean = halfway(mean, train(cache, copy.deepcopy(mean), labels, plan, file, device))
    mean.cpu()
    return mean


def train(cache: Cache, top: Top, labels: Sequence[str], plan: Plan, checkpoint: Path, device: str = "cpu") -> Top:
    """Train `top` in place, go on from `checkpoint` when there is one, and give the mean of its weights.

    Args:
        cache: filled with view 0 and some random views.
        top: blocks and head on `device`; the last class is the stranger.
        labels: categories in the order of the classes.
        plan: how.
        checkpoint: file written after every epoch.
        device: torch's name.
    """
    mean: Top = copy.deepcopy(top).eval()
    examples = _examples(cache, labels)
    optimiser = torch.optim.AdamW(_groups(top, plan), betas=(0.9, 0.98))
    first = _resume(checkpoint, top, mean, optimiser, plan)
    steps = plan.epochs * math.ceil(len(_epoch(examples, plan, 0)) / plan.batch)
    for epoch in range(first, plan.epochs):
        started, step = time.monotonic(), epoch * steps // plan.epochs
        losses = []
        top.train()
        for whole, targets in _Loader(cache, _epoch(examples, plan, epoch), plan, epoch):
            for group in optimiser.param_groups:
                group["lr"] = group["peak"] * _schedule(step, steps)
            tokens = thin(whole, plan.keep) if epoch < plan.epochs - plan.full else whole
            losses.append(_step(top, optimiser, tokens.to(device), targets.to(device), plan))
            _follow(mean, top, min(plan.average, (1 + step) / (10 + step)))
            step += 1
        state = {"top": top.state_dict(), "mean": mean.state_dict(), "optimiser": optimiser.state_dict()}
        torch.save({**state, "epoch": epoch + 1, "plan": asdict(plan)}, checkpoint)
        print(
            f"epoch {epoch + 1}: loss {np.mean(losses):.3f}, {time.monotonic() - started:.0f} s, "
            f"{report(cache, mean, labels, 'validation', device)}",
            flush=True,
        )
    return mean


def start_head(cache: Cache, top: Top, labels: Sequence[str], limit: int | None = None) -> None:
    """Fit the head alone on the whole training pictures (L-BFGS on standardised features), so that blocks do not pay.

    Fine-tuning from a fitted head bends the blocks less than from a random one (Kumar et al., arXiv:2202.10054).
    """
    rows = [int(i) for i in np.random.default_rng(1).permutation(cache.train)[:limit]]
    names = [cache.items[i].label for i in rows]
    targets = torch.tensor([len(labels) if name == STRANGERS else labels.index(name) for name in names])
    seen = torch.from_numpy(features_of(cache, top, rows))
    mean, spread = seen.mean(dim=0), seen.std(dim=0) + 1e-6
    seen = (seen - mean) / spread
    weight = torch.zeros(top.head.out_features, seen.shape[1], requires_grad=True)
    bias = torch.zeros(top.head.out_features, requires_grad=True)
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=100, history_size=10)

    def loss() -> Tensor:
        optimiser.zero_grad()
        value = functional.cross_entropy(seen @ weight.T + bias, targets) + 3e-3 * weight.square().sum()
        value.backward()  # type: ignore[no-untyped-call]  # torch
        return value

    optimiser.step(loss)
    with torch.no_grad():
        top.head.weight.copy_(weight / spread)
        top.head.bias.copy_(bias - (weight / spread) @ mean)


def features_of(cache: Cache, top: Top, indices: Sequence[int]) -> Numbers:
    """What the head sees of whole pictures: float32 [n, 1536]."""
    made, tokens = [], cache.tokens(0)
    for start in range(0, len(indices), 64):
        batch = torch.from_numpy(np.stack([tokens[i] for i in indices[start : start + 64]])).float()
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            made.append(top.features(batch, top.tokens(batch)).float().numpy())
    return np.concatenate(made)


@torch.no_grad()
def halfway(one: Top, two: Top) -> Top:
    """The mean of two networks tuned from the same start, which is often better than both (arXiv:2203.05482)."""
    mean: Top = copy.deepcopy(one)
    for kept, new in zip(mean.parameters(), two.parameters(), strict=True):
        kept.lerp_(new, 0.5)
    return mean


def logits_of(cache: Cache, top: Top, indices: Sequence[int], device: str = "cpu") -> Numbers:
    """Float32 logits [n, classes] of the whole pictures with these indices."""
    tokens = cache.tokens(0)
    top.eval()
    made = []
    for start in range(0, len(indices), 64):
        batch = torch.from_numpy(np.stack([tokens[i] for i in indices[start : start + 64]])).to(device)
        with torch.inference_mode(), torch.autocast(torch.device(device).type, torch.bfloat16):
            made.append(top(batch.float()).float().cpu().numpy())
    return np.concatenate(made)


def report(cache: Cache, top: Top, labels: Sequence[str], part: str, device: str = "cpu") -> str:
    """One line on a part: top-1 over all, by source, in the other shop, and AUROC of strangers."""
    indices = [i for i, item in enumerate(cache.items) if item.part == part]
    items = [cache.items[i] for i in indices]
    logits = logits_of(cache, top, indices, device)
    return summary(items, logits, labels)


def summary(items: Sequence[Picture], logits: Numbers, labels: Sequence[str]) -> str:
    """The numbers of `report` from logits [n, labels + 1]."""
    known = np.array([item.label in labels for item in items])
    strange = np.array([item.label == STRANGERS for item in items])
    targets = np.array([labels.index(item.label) if item.label in labels else -1 for item in items])
    best = logits[:, :-1].argmax(axis=1)
    caltech = np.array([item.source == "caltech101" for item in items])
    shop = np.array([item.other_shop for item in items])
    shares = torch.from_numpy(logits).softmax(dim=1).numpy()
    scores = {"1-p(stranger)": -shares[:, -1], "max": shares[:, :-1].max(axis=1)}
    areas = ", ".join(f"{name} {auroc(score[known], score[strange]):.4f}" for name, score in scores.items())
    return (
        f"top-1 {top_one(best[known], targets[known]):.4f} "
        f"caltech {top_one(best[known & caltech], targets[known & caltech]):.4f} "
        f"grocery {top_one(best[known & ~caltech], targets[known & ~caltech]):.4f} "
        f"other shop {top_one(best[shop & known], targets[shop & known]):.4f}; AUROC {areas}"
    )


def _examples(cache: Cache, labels: Sequence[str]) -> list[Example]:
    """Rows of the random views; in view 0 the row is the index of the picture."""
    examples = []
    for row, index in enumerate(cache.train):
        label = cache.items[index].label
        target = len(labels) if label == STRANGERS else labels.index(label)
        examples.append(Example(row, target, whole=True))
    rows = range(len(cache.train), len(cache.train) + len(cache.pieces))
    return examples + [Example(row, len(labels), whole=False) for row in rows]


def _epoch(examples: Sequence[Example], plan: Plan, epoch: int) -> list[Example]:
    random = np.random.default_rng([plan.seed, epoch])
    pieces = [example for example in examples if not example.whole]
    strange = max((example.target for example in pieces), default=-1)
    chosen = [example for example in examples if example.whole]
    chosen += [example for example in chosen if example.target == strange] * (plan.strangers - 1)
    chosen += [pieces[i] for i in random.permutation(len(pieces))[: plan.pieces]]
    return [chosen[i] for i in random.permutation(len(chosen))]


class _Loader:
    """Reads batches of tokens; which view of a picture comes is drawn anew each epoch."""

    def __init__(self, cache: Cache, examples: Sequence[Example], plan: Plan, epoch: int) -> None:
        self._cache, self._examples, self._plan = cache, examples, plan
        self._random = np.random.default_rng([plan.seed, epoch, 1])
        self._views = {view: cache.tokens(view) for view in [0, *cache.views()[: plan.views]]}

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        numbers = [view for view in self._views if view]
        for start in range(0, len(self._examples), self._plan.batch):
            rows = self._examples[start : start + self._plan.batch]
            tokens = []
            for example in rows:
                pick = int(self._random.integers(len(numbers) + int(example.whole)))
                if pick == len(numbers):
                    tokens.append(self._views[0][self._cache.train[example.row]])
                else:
                    tokens.append(self._views[numbers[pick]][example.row])
            targets = torch.tensor([example.target for example in rows])
            yield torch.from_numpy(np.stack(tokens)).float(), targets


def thin(tokens: Tensor, keep: float) -> Tensor:
    """Class token and a share of the patches, chosen anew for each picture: a window, or at random.

    Args:
        tokens: [n, 1 + g * g, d].
        keep: share of the patches.
    """
    batch, grid = len(tokens), math.isqrt(tokens.shape[1] - 1)
    if torch.rand(()) < 0.5:  # noqa: PLR2004 - half and half
        side = min(grid, round(grid * math.sqrt(keep)))
        wide = int(torch.randint(max(1, side - 1), min(grid, side + 1) + 1, ()))
        high = min(grid, round(grid * grid * keep / wide))
        left, top = (torch.randint(0, grid - length + 1, (batch, 1, 1)) for length in (wide, high))
        rows, columns = torch.arange(high).reshape(1, -1, 1), torch.arange(wide).reshape(1, 1, -1)
        chosen = ((top + rows) * grid + left + columns).reshape(batch, -1)
    else:
        chosen = torch.rand(batch, grid * grid).argsort(dim=1)[:, : round(grid * grid * keep)]
    chosen = torch.cat([torch.zeros(batch, 1, dtype=torch.long), chosen + 1], dim=1)
    return tokens.gather(1, chosen[:, :, None].expand(-1, -1, tokens.shape[2]))


def _step(top: Top, optimiser: torch.optim.Optimizer, tokens: Tensor, targets: Tensor, plan: Plan) -> float:
    share, order = 1.0, torch.arange(len(targets))
    if torch.rand(()) < plan.mixing:
        share = float(torch.distributions.Beta(0.4, 0.4).sample())
        order = torch.randperm(len(targets))
        tokens = share * tokens + (1 - share) * tokens[order]
    with torch.autocast(tokens.device.type, torch.bfloat16):
        logits = top(tokens)
    logits = logits.float()
    loss = share * functional.cross_entropy(logits, targets, label_smoothing=plan.smoothing)
    if share < 1:
        loss = loss + (1 - share) * functional.cross_entropy(logits, targets[order], label_smoothing=plan.smoothing)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]  # torch
    nn.utils.clip_grad_norm_(top.parameters(), 1.0)
    optimiser.step()
    return float(loss.detach())


def _groups(top: Top, plan: Plan) -> list[dict[str, object]]:
    groups = []
    for head in (False, True):
        for matrix in (False, True):
            chosen = [
                p for name, p in top.named_parameters() if name.startswith("head") == head and (p.ndim > 1) == matrix
            ]
            peak = plan.rate if head else plan.block_rate
            groups.append({"params": chosen, "peak": peak, "lr": 0.0, "weight_decay": plan.decay if matrix else 0.0})
    return groups


def _schedule(step: int, steps: int) -> float:
    warm = max(1, steps // 20)
    return min(1.0, (step + 1) / warm) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, step / steps))))


@torch.no_grad()
def _follow(mean: Top, top: Top, average: float) -> None:
    for kept, new in zip(mean.parameters(), top.parameters(), strict=True):
        kept.lerp_(new, 1 - average)


def _resume(checkpoint: Path, top: Top, mean: Top, optimiser: torch.optim.Optimizer, plan: Plan) -> int:
    torch.manual_seed(plan.seed)
    if not checkpoint.exists():
        return 0
    saved = torch.load(checkpoint, weights_only=True)
    if saved["plan"] != asdict(plan):
        raise ValueError(f"{checkpoint} was made with another plan; delete it to start again")
    top.load_state_dict(saved["top"])
    mean.load_state_dict(saved["mean"])
    optimiser.load_state_dict(saved["optimiser"])
    return int(saved["epoch"])
