"""Which heads have something to do in a text, against interventions on the hand-built models themselves."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch

from study.heads.ablation import ablate
from study.metrics.truth_heads import ACTING
from study.model.ablation import zero_fill
from study.model.circuits import head_places
from study.model.reference import gather_reference
from study.tasks import TASKS
from study.tasks.language import GAIN
from tests.heads.circuits import text_batch
from tests.tasks.hand_built import CONFIG, NAMES, build, draw_texts
from tests.tiny import tensors

NOTHING, SOMETHING = 1e-4, 0.1  # units of the readout gain
N_TEXTS, SEED = 48, 4
SOMETIMES = {  # heads that have nothing to do in some texts
    "single": {"Cancel+", "Cancel-"},
    "context": {"Context", "Writer", "Eraser", "Cancel+", "Cancel-"},
    "order": {"Cancel+", "Cancel-"},
    "negation": {"NegScope", "Negated", "Cancel+", "Cancel-"},
    "majority": {"CountP", "CountQ", "Cancel+", "Cancel-"},
    "induction": {"Cancel+", "Cancel-"},
}


@cache
def texts_of(name):
    """Every third without z and n1, which distractors read."""
    drawn = [text.words for text in draw_texts(TASKS.load(name), N_TEXTS, seed=SEED, telling=True)]
    return [tuple("n2" if w in ("z", "n1") and not i % 3 else w for w in words) for i, words in enumerate(drawn)]


@cache
def works_in(name):
    """[example head]"""
    return np.array([[head.works(words) for head in TASKS.load(name).heads] for words in texts_of(name)])


@cache
def effects_in(name):
    """{ablation: [example head]}, by a model as it is in a run; then {"idle": [example]}, of all idle heads at once."""
    task, model = TASKS.load(name), build(name)
    batch = text_batch(task, texts_of(name))
    reference = text_batch(task, [text.words for text in draw_texts(task, 150)])
    places = np.array(head_places(task))
    target = torch.ones(N_TEXTS, dtype=torch.long)

    def margins(rows, kept, fill):
        token_ids, attend = tensors(batch)
        return ablate(model, token_ids[rows], attend[rows], target[rows], torch.as_tensor(kept), fill)

    alone = np.ones((1 + len(places), CONFIG.n_layers, CONFIG.n_heads), dtype=bool)
    alone[1 + np.arange(len(places)), places[:, 0], places[:, 1]] = False
    found = {}
    for ablation, fill in (("zero", zero_fill(model)), ("mean", gather_reference(model, reference).mean_fill())):
        margin = margins(np.arange(N_TEXTS), alone, fill)
        found[ablation] = (margin[:, :1] - margin[:, 1:]) / GAIN
    found["idle"] = np.empty(N_TEXTS)
    for i, works in enumerate(works_in(name)):
        kept = np.ones((2, CONFIG.n_layers, CONFIG.n_heads), dtype=bool)
        kept[1, places[~works, 0], places[~works, 1]] = False
        full, without = margins(np.array([i]), kept, zero_fill(model))[0]
        found["idle"][i] = (full - without) / GAIN
    return found


@pytest.mark.parametrize("name", NAMES)
def test_texts_of_both_kinds_are_there_for_every_head_that_may_idle(name):
    heads = [head.name for head in TASKS.load(name).heads]
    share = dict(zip(heads, works_in(name).mean(0), strict=True))
    assert {head for head, of_texts in share.items() if of_texts < 1} == SOMETIMES[name]
    assert all(share[head] > 0 for head in SOMETIMES[name])


@pytest.mark.parametrize("name", NAMES)
def test_a_head_with_nothing_to_do_changes_nothing(name):
    """Taken out alone, or with all others that have nothing to do."""
    idle = ~works_in(name)
    assert idle.any()
    assert np.abs(effects_in(name)["zero"][idle]).max() < NOTHING
    assert np.abs(effects_in(name)["idle"]).max() < NOTHING


@pytest.mark.parametrize("name", NAMES)
def test_a_head_that_acts_changes_the_margin_of_every_text_in_which_it_works(name):
    """By zero or by the mean: where another stands in for it, only one of both shows it."""
    effects = effects_in(name)
    size = np.maximum(np.abs(effects["zero"]), np.abs(effects["mean"]))
    for place, head in enumerate(TASKS.load(name).heads):
        if head.role in ACTING:
            assert size[works_in(name)[:, place], place].min() > SOMETHING, head.name


@pytest.mark.parametrize("name", NAMES)
def test_of_heads_that_cancel_one_alone_changes_the_margin_of_every_text_in_which_they_work(name):
    """So they are no idle heads there: what one writes is taken back, not absent."""
    zero, works = effects_in(name)["zero"], works_in(name)
    cancelling = [place for place, head in enumerate(TASKS.load(name).heads) if head.undoes]
    assert cancelling
    for place in cancelling:
        assert np.abs(zero[works[:, place], place]).min() > SOMETHING
