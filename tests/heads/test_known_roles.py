"""Heads that work out of sight: one that stands in for another, one whose work is erased, those that tell others."""

from __future__ import annotations

import numpy as np
import pytest

from study.crosswalk.causal import build_causal
from study.heads.players import interactions
from study.tasks.language import GAIN
from tests.heads.circuits import CONFIG, circuit, circuit_on
from tests.heads.derived_scores import CLOSE, METHODS, sign, values
from tests.tiny import largest

NOTHING_TO_READ = [("n1", "n2", "z", "n3", "n3", "n1", "z", "n2", "n1"), ("n2",) * 9]
PLUS, MINUS = (("n1", "n2", word, "n3", "n3", "n1", "z", "n2", "n1") for word in ("plus", "minus"))


def signs():
    return np.array([sign(words) for words in circuit("single").texts])


def pair_interaction(found, a, b, game):
    """[example], in units of the readout gain; game: `words_effect` or `full`."""
    pair = tuple(sorted((found.number(a), found.number(b))))
    tables = [(play, *interactions(play.plan, getattr(play, game))) for play in found.batch.plays]
    return np.array([value[pairs.index(pair)] for _, pairs, value in tables]) / GAIN


def test_backup_is_null_to_every_method_with_the_usual_means():
    """Read's mean carries the flag in full, and so does what Read does in any other text."""
    found = circuit("single")
    for method in (*METHODS, "ablation_resample"):
        assert largest(found.scores(method, "Backup")) < CLOSE, method
    for method in ("attention_norm", "attention_confidence"):
        assert largest(found.raw(method, "Backup")) < CLOSE, method
    assert largest(pair_interaction(found, "Read", "Backup", "words_effect")) < CLOSE
    mean = signs().astype(float) - np.mean([sign(words) for words in found.reference])
    assert found.group("mean", "Read", "Backup") == pytest.approx(mean, abs=CLOSE)
    assert found.scores("ablation_mean", "Read") == pytest.approx(mean, abs=CLOSE)


def test_zero_ablation_wakes_backup_and_calls_both_unnecessary():
    found = circuit("single")
    for head in ("Read", "Backup"):
        assert largest(found.scores("ablation_zero", head)) < CLOSE
        assert found.scores("ablation_zero_pairs", head) == pytest.approx(signs(), abs=CLOSE)
    assert found.group("zero", "Read", "Backup") == pytest.approx(signs(), abs=CLOSE)
    for head in ("Norm", "Gazer"):
        assert largest(found.scores("ablation_zero_pairs", head)) < CLOSE
        assert largest(found.group("zero", head, "Backup")) < CLOSE


def test_means_over_texts_without_the_flag_wake_backup():
    """Then each can do it alone: u(T) = s [Read or Backup], s / 2 each, interaction -s, nothing lost without one."""
    usual = circuit("single")
    found = circuit_on("single", usual.texts, NOTHING_TO_READ)
    for head in ("Read", "Backup"):
        assert found.scores("shapley", head) == pytest.approx(signs() / 2, abs=CLOSE)
        for method in ("ablation_mean", "leave_one_out"):
            assert largest(found.scores(method, head)) < CLOSE, method
    assert found.group("mean", "Read", "Backup") == pytest.approx(signs(), abs=CLOSE)
    assert pair_interaction(found, "Read", "Backup", "words_effect") == pytest.approx(-signs(), abs=CLOSE)
    exact = CONFIG.model_copy(update={"crosswalk_exact_heads": 10, "crosswalk_exact_words": 9})
    cells = build_causal(found.batch.subjects[0], exact, np.random.default_rng(0)).crosswalk.cells / GAIN
    wanted = [sign((word,)) / 2 for word in found.texts[0]]
    for head in ("Read", "Backup"):
        assert cells[:, found.number(head)] == pytest.approx(wanted, abs=CLOSE)


@pytest.mark.parametrize(("share", "asleep"), [(0.25, 0), (0.75, 1)])
def test_backup_wakes_when_fewer_than_half_of_the_reference_texts_carry_the_flag(share, asleep):
    """The flag scores 40 x share for CLS on top of its 20; what Backup looks for scores 40. Mean write of Read: 0."""
    flagged = round(8 * share)
    reference = [PLUS, MINUS] * (flagged // 2) + NOTHING_TO_READ[:1] * (8 - flagged)
    found = circuit_on("single", circuit("single").texts, reference)
    assert found.scores("ablation_mean", "Read") == pytest.approx(asleep * signs(), abs=CLOSE)


def test_writer_and_eraser_undo_each_other():
    """Nothing is lost without Writer, for Eraser follows it; both write, so direct contributions name both."""
    found = circuit("context")
    wrote = np.array(["n1" in words for words in found.texts], dtype=float)
    share = np.mean(["n1" in words for words in found.reference])
    assert found.scores("direct_raw", "Writer") == pytest.approx(2 * wrote, abs=CLOSE)
    assert found.scores("direct_raw", "Eraser") == pytest.approx(-2 * wrote, abs=CLOSE)
    for ablation, baseline in (("zero", 0), ("mean", share)):
        assert largest(found.scores(f"ablation_{ablation}", "Writer")) < CLOSE
        assert found.scores(f"ablation_{ablation}", "Eraser") == pytest.approx(2 * (baseline - wrote), abs=CLOSE)
    for ablation in ("zero", "mean", "resample"):
        assert largest(found.group(ablation, "Writer", "Eraser")) < CLOSE
    assert found.scores("ablation_zero_pairs", "Writer") == pytest.approx(2 * wrote, abs=CLOSE)


def test_an_interaction_shows_writer_and_eraser():
    """Unlike the cancelling heads, whose effects add: 2 [Writer works][Eraser does not]."""
    found = circuit("context")
    wrote = np.array(["n1" in words for words in found.texts], dtype=float)
    assert pair_interaction(found, "Writer", "Eraser", "words_effect") == pytest.approx(-2 * wrote, abs=CLOSE)
    assert found.scores("shapley", "Writer") == pytest.approx(wrote, abs=CLOSE)
    assert found.scores("shapley", "Eraser") == pytest.approx(-wrote, abs=CLOSE)


INDIRECT = [("context", "Context"), ("negation", "NegScope"), ("induction", "PrevToken"), ("induction", "Query")]


@pytest.mark.parametrize(("name", "head"), INDIRECT)
def test_what_a_head_tells_others_is_seen_by_taking_it_out_alone(name, head):
    """By zero, by the mean and by Shapley values; never by what it writes itself."""
    found = circuit(name)
    for method in ("direct_raw", "direct_centred", "direct_beyond_empty"):
        assert largest(found.scores(method, head)) < CLOSE
    lost = values(name, "ablation_mean", head)
    assert np.abs(lost).max() >= 1
    for method in ("ablation_zero", "ablation_mean", "leave_one_out"):
        assert found.scores(method, head) == pytest.approx(lost, abs=CLOSE), method
    part = 1 / 3 if name == "induction" else 1 / 2
    assert found.scores("shapley", head) == pytest.approx(part * lost, abs=CLOSE)


@pytest.mark.parametrize(("name", "head"), INDIRECT)
def test_attention_and_norm_are_of_the_readout_position(name, head):
    """So a head that works at the words has neither; one that writes a flag at CLS has both."""
    found = circuit(name)
    at_words = head in ("NegScope", "PrevToken")
    flags = [0.0 if at_words or (head == "Context" and "c" not in words) else 1.0 for words in found.texts]
    assert found.raw("attention_norm", head) == pytest.approx(flags, abs=CLOSE)
    assert found.raw("attention_confidence", head) == pytest.approx(flags, abs=CLOSE)
