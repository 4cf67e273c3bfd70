"""From what was found about one text to its record, with the rows it would have in the tables of a run."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from study import dissection_rows, explaining, gates
from study.explaining import ExplainedText, Row, rows_of_text
from study.library.explanation import Explanation
from study.library.loading import ModelKey
from study.library.taking_apart import HeadFindings
from study.records import UNKNOWN_ID, FloatArray, Gate
from study.setting import Setting


def make_explanation(
    setting: Setting,
    found: ExplainedText,
    heads: HeadFindings,
    *,
    key: ModelKey,
    measured: Iterable[Gate],
    probabilities: FloatArray,
    started: float,
) -> Explanation:
    """The record of the one text of the setting. started: time.perf_counter() when its explaining began."""
    batch, subject, contributions = setting.batch, found.subject, setting.contributions
    n_words, names, first = len(subject.words), setting.class_names, found.attributions[0]
    unknown = np.zeros(n_words, dtype=bool)
    unknown[: subject.n_players] = batch.token_ids[0, 1 : subject.n_players + 1] == UNKNOWN_ID
    n_layers, n_heads = next(iter(heads.attributions.values())).scores.shape
    return Explanation(
        text=batch.text[0],
        words=subject.words,
        unknown=unknown,
        n_players=subject.n_players,
        dataset=key.dataset,
        model=key.model,
        seed=key.seed,
        class_names=names,
        probabilities=probabilities,
        predicted=names[int(setting.predicted[0])],
        target=names[subject.target],
        margin=float(contributions.margin[0]),
        empty_margin=first.base,
        index=subject.index,
        contributions=contributions.values[0],
        empty_contributions=first.base_by_component,
        features={a.method: a for a in found.attributions},
        direct=dict(found.crosswalks),
        causal=heads.causal,
        heads=heads.attributions,
        attention=heads.readout["weight"].to_numpy().reshape(n_layers, n_heads, subject.n_players + 1),
        gates=tuple(gates.worst_of(measured)),
        seconds=time.perf_counter() - started,
        example_id=subject.example_id,
        rows=_tables(rows_of_text(setting, 0, found), heads, key),
    )


def _tables(of_words: Mapping[str, list[Row]], heads: HeadFindings, key: ModelKey) -> dict[str, pd.DataFrame]:
    """The tables of the text, in the results contract."""

    def frame(name: str) -> pd.DataFrame:
        columns = explaining.COLUMNS if name in of_words else dissection_rows.COLUMNS
        rows = of_words[name] if name in of_words else heads.tables[name]
        return pd.DataFrame(rows, columns=list(columns[name]))

    cells = pd.concat(
        [part for name in ("crosswalk", "causal_crosswalk") if len(part := frame(name))] or [frame("crosswalk")],
        ignore_index=True,
    )
    tables = {
        "texts": frame("texts").assign(label=""),  # nobody labelled it
        "features": frame("features"),
        "crosswalk": cells,
        "components": frame("components"),
        "heads": frame("heads"),
        "causal": frame("causal"),
        "readout_attention": heads.readout.copy(),
    }
    for table in tables.values():
        table.insert(0, "dataset", key.dataset)
        table.insert(1, "model", key.model)
        table.insert(2, "seed", key.seed)
    return tables
