"""What a run is about, in one sentence: which models, trained how often, on which texts; told from config and cards."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from study.cells import seeds_of
from study.config import DatasetConfig, ModelConfig
from study.config.limits import HAND_BUILT
from study.report.inputs import RunTables
from study.report.numbers import count, listing, plural

_NAMED = 3  # models, data sets or seeds told by name; of more the first ones and how many are left
_SMALL = 256  # width up to which a transformer is called small


def subject(run: RunTables) -> str:
    """ "mlp is a small transformer (2 layers × 4 heads, width 64, with MLP blocks), trained 3 times (…) on …".

    What the run does not know, because a data card is missing, say, is left out.
    """
    present = {model for _, model in run.variants}
    models = [m for m in run.config.models if m.name in present]
    by_hand = [m for m in models if m.family in HAND_BUILT]
    trained = [m for m in models if m.family not in HAND_BUILT]
    told = [_trained(run, trained, _datasets(run, trained))] if trained else []
    if by_hand:
        has = "has its" if len(by_hand) == 1 else "have their"
        where = _data(run, _datasets(run, by_hand), with_texts=False)
        told.append(f"{_names(by_hand)} {has} weights set by hand for {where}")
    n_texts = len(run.tables["texts"][["dataset", "example_id"]].drop_duplicates())
    if n_texts:
        told.append(f"{plural(n_texts, 'test text')} {'is' if n_texts == 1 else 'are'} explained")
    return f"{'; '.join(told)}." if told else ""


def _trained(run: RunTables, models: Sequence[ModelConfig], datasets: Sequence[DatasetConfig]) -> str:
    one = len(models) == 1
    small = "small " if max(m.d_model for m in models) <= _SMALL else ""
    what = f"is a {small}transformer" if one else f"are {small}transformers"
    sizes = f"{_span(models, 'layer', lambda m: m.n_layers)} × {_span(models, 'head', lambda m: m.n_heads)}"
    width = _range([m.d_model for m in models])
    how = f"{'' if one else 'each '}trained {_times(run, models)}"
    return f"{_names(models)} {what} ({sizes}, width {width}{_mlps(models)}), {how} on {_data(run, datasets)}"


def _datasets(run: RunTables, models: Sequence[ModelConfig]) -> list[DatasetConfig]:
    return [d for d in run.config.datasets if any(d.runs(m.name) for m in models)]


def _names(things: Sequence[ModelConfig] | Sequence[DatasetConfig]) -> str:
    """ "a, b and c"; of more than three "a, b and 11 more"."""
    names = [thing.name for thing in things]
    return listing(names if len(names) <= _NAMED else [*names[:2], f"{len(names) - 2} more"])


def _range(values: Sequence[int]) -> str:
    low, high = min(values), max(values)
    return count(low) if low == high else f"{count(low)} to {count(high)}"


def _span(models: Sequence[ModelConfig], noun: str, size: Callable[[ModelConfig], int]) -> str:
    sizes = [size(m) for m in models]
    return f"{_range(sizes)} {noun if max(sizes) == 1 else noun + 's'}"


def _mlps(models: Sequence[ModelConfig]) -> str:
    """Which of the models have MLP blocks."""
    with_mlp, without = [m for m in models if m.d_mlp], [m for m in models if not m.d_mlp]
    if not (with_mlp and without):
        return f", {'with' if with_mlp else 'without'} MLP blocks"
    if len(models) > _NAMED:
        return f"; {len(with_mlp)} with MLP blocks, {len(without)} without"
    return f"; {_names(with_mlp)} with MLP blocks, {_names(without)} without"


def _times(run: RunTables, models: Sequence[ModelConfig]) -> str:
    seeds = {seeds_of(m, run.config) for m in models}
    if len(seeds) > 1:
        return f"{_range([len(s) for s in seeds])} times"
    (own,) = seeds
    named = f" (seed{'' if len(own) == 1 else 's'} {listing([str(s) for s in own])})" if len(own) <= _NAMED else ""
    return f"{'once' if len(own) == 1 else f'{len(own)} times'}{named}"


def _data(run: RunTables, datasets: Sequence[DatasetConfig], *, with_texts: bool = True) -> str:
    """ "6,469 texts of rotten_tomatoes, classes negative and positive". with_texts: whether their number is told."""
    cards = [run.cards.get(d.name) or {} for d in datasets]
    sizes = [sum(map(int, train.values())) for card in cards if (train := (card.get("splits") or {}).get("train"))]
    sizes = sizes if with_texts else []
    if len(datasets) == 1:
        planted = "the planted task " if datasets[0].task is not None else ""
        number = f"{plural(sizes[0], 'text')} of " if sizes else ""
        classes = [str(name) for name in cards[0].get("class_names") or ()]
        told = f", {plural(len(classes), 'class', 'classes')}" if len(classes) > _NAMED else ""
        told = told or (f", classes {listing(classes)}" if classes else "")
        return f"{number}{planted}{datasets[0].name}{told}"
    numbers = f"; {_range(sizes)} training texts each" if len(sizes) == len(datasets) else ""
    return f"{len(datasets)} data sets ({_names(datasets)}{numbers})"
