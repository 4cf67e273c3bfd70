"""The heads of one text: what each writes, what the margin loses without it, and which heads the words need."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from study import dissection_rows as rows_of
from study.config import HeadsConfig
from study.data.opposites import Opposites
from study.data.vocabulary import Vocabulary
from study.dissecting import CausallySplit, Dissection, head_batch, play_gates, reference_means, split_causally
from study.explaining import Row
from study.heads import HEAD_METHODS
from study.library.explanation import CausalTable
from study.model.encoder import Encoder
from study.model.reference import HeadReference
from study.records import FeatureAttribution, FloatArray, Gate, HeadAttribution, TextBatch
from study.setting import Setting
from study.surveying import survey_readout

# What the head writes, beyond its mean and beyond the empty text; what the margin and the words lose without it.
HEAD_SCORES = ("direct_centred", "direct_beyond_empty", "ablation_mean", "leave_one_out", "shapley")


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadParts:
    """What is needed to take the heads of a model apart, the same for all texts.

    reference: what heads do on the reference texts; reference_contributions: [class_ component], means there.
    """

    config: HeadsConfig
    reference: HeadReference
    reference_contributions: FloatArray
    vocabulary: Vocabulary


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadFindings:
    """What was found about the heads of one text. readout: rows of the table readout_attention.

    tables: rows of heads, causal_crosswalk and causal, as in a cell.
    """

    attributions: dict[str, HeadAttribution]
    causal: CausalTable | None
    readout: pd.DataFrame
    gates: list[Gate]
    tables: dict[str, list[Row]]


def gather_parts(
    model: Encoder, reference: HeadReference, texts: TextBatch, config: HeadsConfig, vocabulary: Vocabulary
) -> HeadParts:
    """The parts of a model. texts: the reference texts."""
    return HeadParts(
        config=config,
        reference=reference,
        reference_contributions=reference_means(model, texts),
        vocabulary=vocabulary,
    )


def take_apart(
    setting: Setting, model: Encoder, parts: HeadParts, attributions: Iterable[FeatureAttribution], *, causal: bool
) -> HeadFindings:
    """The heads of the one text of the setting. attributions: of its words; causal: also the causal crosswalk."""
    given = list(attributions)
    example_id = given[0].example_id
    dissection = Dissection(
        setting=setting,
        model=model,
        config=parts.config,
        reference=parts.reference,
        reference_contributions=parts.reference_contributions,
        vocabulary=parts.vocabulary,
        opposites=Opposites(pairs=()),  # texts are not patched here
        empty={example_id: given[0].base_by_component},
        word_scores={example_id: {a.method: a.scores for a in given}},
        top_neurons=(),
    )
    batch = head_batch(dissection, [0])
    subject = batch.subjects[0]
    scored: list[HeadAttribution] = [HEAD_METHODS.load(method)(batch, parts.config)[0] for method in HEAD_SCORES]
    tables: dict[str, list[Row]] = {name: [] for name in ("heads", "causal_crosswalk", "causal")}
    tables["heads"] += rows_of.heads(subject, scored)
    measured, table = play_gates(dissection, batch, 0), None
    if causal:
        found = split_causally(dissection, batch, 0)
        tables["causal_crosswalk"] += rows_of.causal_cells(subject, found.split)
        told = rows_of.causal_text(subject, found.split, found.shap)
        tables["causal"].append(told)
        table, measured = _table_of(found, told), [*measured, *found.gates]
    return HeadFindings(
        attributions={a.method: a for a in scored},
        causal=table,
        readout=survey_readout(setting, model),
        gates=measured,
        tables=tables,
    )


def _table_of(found: CausallySplit, told: Row) -> CausalTable:
    """told: the text's row of the table `causal`."""
    return CausalTable(
        crosswalk=found.split.crosswalk,
        leave_one_out=found.split.leave_one_out,
        words_exact=told["words_exact"],
        heads_exact=told["heads_exact"],
        word_error=told["word_error"],
        head_error=told["head_error"],
        sampling_error=told["sampling_error"],
        n_evals=found.split.n_evals,
        seconds=found.split.seconds,
    )
