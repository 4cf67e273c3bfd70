"""Runs with some numbers replaced."""

from __future__ import annotations

import dataclasses

import pandas as pd

from study.report.columns import COLUMNS
from study.report.inputs import RunTables, pick

HEAD_TABLES = (  # of the stage that looks into heads; a run may lack all of them
    *("causal", "interactions", "ablations", "trials", "profiles", "profile_words", "head_disagreement"),
    *("head_matches", "patching", "layers", "neurons", "neuron_words", "paths", "path_sums", "interventions"),
    *("removal_curves", "circuit_curves", "readout_attention"),
)


def with_rows(run: RunTables, table: str, frame: pd.DataFrame) -> RunTables:
    """The run with another table."""
    parts = {key: rows for key, rows in run.parts.items() if key[0] != table}
    parts |= {(table, *v): rows for v, rows in frame.groupby(["dataset", "model"])} if "model" in frame else {}
    return dataclasses.replace(run, tables={**run.tables, table: frame}, parts=parts)


def without_table(run: RunTables, name: str) -> RunTables:
    """The run as if its folder had no such table."""
    empty = pd.DataFrame({c: pd.Series(dtype="object") for c in COLUMNS[name]})
    parts = {key: rows for key, rows in run.parts.items() if key[0] != name}
    return dataclasses.replace(run, tables={**run.tables, name: empty}, parts=parts, present=run.present - {name})


def set_rows(run: RunTables, table: str, column: str, value: object, **equal: object) -> RunTables:
    """The run with `column` set in the rows whose other columns are as given."""
    frame = run.tables[table].copy()
    rows = pick(frame, **equal).index
    assert len(rows)
    frame.loc[rows, column] = value
    return with_rows(run, table, frame)


def set_estimates(
    run: RunTables, metric: str, a: str, b: str, subset: str, values: tuple[float, float, float], **equal: object
) -> RunTables:
    """The run with estimate, low and high of one metric set to `values` in every variant, or those named."""
    for column, value in zip(("estimate", "low", "high"), values, strict=True):
        names = {"metric": metric, "method_a": a, "method_b": b, "subset": subset}
        run = set_rows(run, "estimates", column, value, **names, **equal)
    return run


def add_estimates(
    run: RunTables, metric: str, a: str, b: str, values: tuple[float, float, float], models: tuple[str, ...] = ()
) -> RunTables:
    """The run with a row more of this metric in every variant, or those of the models named."""
    names = {"metric": metric, "method_a": a, "method_b": b, "subset": "all", "level": 0.95}
    names |= dict(zip(("estimate", "low", "high"), values, strict=True))
    rows = [{"dataset": d, "model": m} | names for d, m in run.variants if not models or m in models]
    return with_rows(run, "estimates", pd.concat([run.tables["estimates"], pd.DataFrame(rows)], ignore_index=True))


EVALUATIONS = (  # tables of a run that puts explanations to the test and judges hypotheses
    *("faithfulness", "perturbation_curves", "repeats", "word_stability", "edits", "edit_stability", "sanity"),
    *("comparisons", "variance", "hypotheses", "shuffled_training", "ratings", "rated_texts"),
)
EVALUATED = "comprehensiveness|sufficiency|deletion|insertion|infidelity|repeat_|edit_|seed_|sanity_|plausib|rating_"


def not_evaluated(run: RunTables) -> RunTables:
    """The run as if its config named no measures, no lexicon and no hypotheses."""
    for name in EVALUATIONS:
        run = without_table(run, name)
    for name in ("measurements", "estimates"):
        table = run.tables[name]
        run = with_rows(run, name, table[~table["metric"].str.match(EVALUATED)])
    measures = run.config.evaluate.model_copy(update={"measures": ()})
    config = run.config.model_copy(update={"evaluate": measures, "hypotheses": ()})
    return dataclasses.replace(run, config=config)


def with_seeds(run: RunTables, n: int) -> RunTables:
    """The run as if its config named n seeds."""
    return dataclasses.replace(run, config=run.config.model_copy(update={"seeds": tuple(range(n))}))


NEEDED = {  # what each column of a profile is made from; the others are known without any method
    "direct_size": ("direct_centred",),
    "causal_size": ("shapley_margin",),
    "ablation_size": ("ablation_mean",),
    "indirect_size": ("direct_centred", "ablation_mean"),
    **dict.fromkeys(("indirect_share", "indirect_low", "indirect_high"), ("direct_centred", "shapley_margin")),
    **dict.fromkeys(("words_causal_size", "words_causal_mean"), ("shapley",)),
    "interaction": ("shapley_margin",),
}
JUDGED_BY = ("direct_centred", "shapley_margin", "ablation_mean")


def with_head_methods(run: RunTables, methods: tuple[str, ...]) -> RunTables:
    """The run as the study writes it with these `heads.methods`."""
    gone = set(run.config.heads.methods) - set(methods)
    heads = run.tables["heads"]
    run = with_rows(run, "heads", heads[heads["method"].isin(methods)])
    for name in ("measurements", "estimates"):
        table = run.tables[name]
        of_heads = table["metric"].astype(str).str.startswith("head_spearman")
        pair_gone = of_heads & (table["method_a"].isin(gone) | table["method_b"].isin(gone))
        removed = table["method_a"].isin([f"heads:{method}" for method in gone])
        kept_heads = table["metric"].astype(str).str.startswith("circuit_") & table["method_a"].isin(gone)
        run = with_rows(run, name, table[~pair_gone & ~removed & ~kept_heads])
    removals = run.tables["removal_curves"]
    run = with_rows(run, "removal_curves", removals[(removals["unit"] != "heads") | ~removals["method"].isin(gone)])
    for column, needed in NEEDED.items():
        if gone & set(needed):
            run = set_rows(run, "profiles", column, float("nan"))
    if missing := [method for method in JUDGED_BY if method in gone]:
        run = set_rows(run, "profiles", "class_", "mixed")
        run = set_rows(run, "profiles", "confirmed", "")
        why = f"not judged: the run has no {', '.join(missing)} (heads.methods)"
        run = set_rows(run, "profiles", "reason", why)
    if gone & set(JUDGED_BY[:2]):
        run = without_table(run, "head_disagreement")
    config = run.config.heads.model_copy(update={"methods": methods})
    return dataclasses.replace(run, config=run.config.model_copy(update={"heads": config}))


def with_second_data_set(run: RunTables, name: str = "films") -> RunTables:
    """The run with a copy of its data set under another name."""
    first = run.config.datasets[0]
    config = run.config.model_copy(update={"datasets": [first, first.model_copy(update={"name": name})]})
    run = dataclasses.replace(run, config=config)
    for table, frame in run.tables.items():
        if "dataset" in frame:
            run = with_rows(run, table, pd.concat([frame, frame.assign(dataset=name)], ignore_index=True))
    return run
