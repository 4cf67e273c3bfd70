"""Hand-built models: they do what their task says, their weights are what the heads say, and bad input is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from study.config import ExplainConfig, ModelConfig
from study.crosswalk.direct import build_direct
from study.errors import ConfigError
from study.features.assemble import make_attribution
from study.features.shapley import compute_exact
from study.game.coalitions import PlainGame
from study.game.fast import FastEncoderGame
from study.game.shapley import all_coalitions, exact_weights, interaction_weights
from study.game.subject import Subject
from study.model.circuits import build_circuit
from study.model.protocol import ModelSource
from study.tasks import TASKS, fitting
from study.tasks.fitting import check_fit, factors, features_of, head_places
from study.tasks.language import BIAS, GAIN, N_WORDS, HeadSpec, Task, label_of, position, rule_values
from tests.tasks import own_task
from tests.tasks.hand_built import (
    CONFIG,
    NAMES,
    NOISY,
    ROTATED,
    build,
    draw_texts,
    game_of,
    interpret,
    logits_of,
    token_rows,
    vocabulary_of,
)

EXPLAIN = ExplainConfig()
MASKS = all_coalitions(N_WORDS)


def plain_margins(model, task, words):
    """[coalition], by the plain forward pass on rows that are masked here."""
    rows = [[word if here else None for word, here in zip(words, mask, strict=True)] for mask in MASKS]
    logits = logits_of(model, token_rows(task, rows))
    return logits[:, 1] - logits[:, 0]


@pytest.mark.parametrize("config", [CONFIG, ROTATED, NOISY], ids=["hand-built", "rotated", "with noise"])
@pytest.mark.parametrize("name", NAMES)
def test_accuracy_is_one(name: str, config: ModelConfig) -> None:
    task: Task = TASKS.load(name)
    texts = [text.words for text in draw_texts(task, 400)]
    labels = [label_of(task, words) for words in texts]
    assert logits_of(build(name, config), token_rows(task, texts)).argmax(1).tolist() == labels


@pytest.mark.parametrize("name", NAMES)
def test_margin_is_the_rule_and_the_sum_of_components_on_all_coalitions(name: str) -> None:
    task, model = TASKS.load(name), build(name)
    assert next(model.parameters()).dtype == torch.float32
    for text in draw_texts(task, 4):
        margins = plain_margins(model, task, text.words)
        assert np.abs(margins - GAIN * rule_values(task, text.words)).max() < 1e-5
        for kind in (FastEncoderGame, PlainGame):
            components = game_of(model, task, text.words, kind).value(MASKS)
            assert np.abs(components.sum(1) - margins).max() < 1e-5


@pytest.mark.parametrize("name", NAMES)
def test_exact_shapley_values_are_the_closed_form(name: str) -> None:
    task, model = TASKS.load(name), build(name)
    for text in draw_texts(task, 5, telling=True):
        scores = compute_exact(game_of(model, task, text.words)).scores
        assert np.abs(scores / GAIN - task.shapley(text.words)).max() < 1e-4


@pytest.mark.parametrize("sign", [1, -1])
def test_negation_in_scope(sign: int) -> None:
    """SHAP gives the sentiment word 0; its row of the crosswalk shows two heads that cancel; the pair interacts."""
    task, model = TASKS.load("negation"), build("negation")
    words = ("z", "n1", "not", "good" if sign > 0 else "bad", "n2", "n3", "z", "n1", "n1")
    game = game_of(model, task, words)
    subject = Subject(
        example_id="t",
        words=words,
        n_players=9,
        target=1,
        index=model.index,
        new_game=lambda: game,
        white_box=None,  # type: ignore[arg-type] - not asked
    )
    exact = compute_exact(game)
    crosswalk = build_direct(
        make_attribution(
            subject,
            method="shapley",
            estimator="exact",
            scores=exact.scores,
            by_component=exact.by_component,
            ends=exact.ends,
            seed=None,
            n_evals=game.n_evals,
            started=0.0,
        ),
        model.index,
    )
    row = {name: value / GAIN for name, value in zip(model.index.names, crosswalk.cells[3], strict=True)}
    places = {spec.name: f"L{layer}H{head}" for spec, (layer, head) in zip(task.heads, head_places(task), strict=True)}
    assert row.pop(places["All"]) == pytest.approx(sign, abs=1e-5)
    assert row.pop(places["Negated"]) == pytest.approx(-sign, abs=1e-5)
    assert np.abs(list(row.values())).max() < 1e-5
    assert exact.scores[3] == pytest.approx(0, abs=1e-5)
    assert exact.scores[2] / GAIN == pytest.approx(-sign, abs=1e-5)
    pairs, weights = interaction_weights(9)
    interactions = dict(zip(pairs, weights @ game.value(MASKS).sum(1), strict=True))
    assert interactions.pop((2, 3)) / GAIN == pytest.approx(-2 * sign, abs=1e-5)
    assert np.abs(list(interactions.values())).max() < 1e-5


@pytest.mark.parametrize("name", NAMES)
def test_attention_goes_where_the_head_says_and_nowhere_else(name: str) -> None:
    """Leaks below 1e-5: patterns of the real model beside the literal interpreter's hard choices, words missing too."""
    task, model = TASKS.load(name), build(name)
    rng = np.random.default_rng(5)
    for text in draw_texts(task, 6):
        for mask in [np.ones(N_WORDS, dtype=bool), *(rng.random((3, N_WORDS)) < 0.6)]:
            words = [word if here else None for word, here in zip(text.words, mask, strict=True)]
            tokens = torch.tensor(token_rows(task, [words]))
            patterns = model.attention_patterns(tokens, torch.ones_like(tokens, dtype=torch.bool))[0]
            _, _, weights = interpret(task, words)
            for spec, place in zip(task.heads, head_places(task), strict=True):
                assert np.abs(patterns[place].numpy() - weights[spec.name]).max() < 1e-5, (spec.name, words)


@pytest.mark.parametrize("config", [CONFIG, ROTATED], ids=["hand-built", "rotated"])
@pytest.mark.parametrize("name", NAMES)
def test_weights_are_what_the_heads_say(name: str, config: ModelConfig) -> None:
    """Scores and writes read back from W_Q W_K^T / sqrt(d_head) and W_V W_O; left-over heads are empty.

    Along the directions of words and positions as the embeddings give them, and flags by what is written.
    """
    task, model = TASKS.load(name), build(name, config)
    basis = basis_of(model, task)
    used = dict(zip(head_places(task), task.heads, strict=True))
    features = {name: i for i, name in enumerate(features_of(task))}
    for layer, block in enumerate(model.layers):
        weights = {key: value.double() for key, value in block.attention.named_parameters()}
        for head in range(config.n_heads):
            wanted_scores, wanted_writes = np.zeros((40, 40)), np.zeros((40, 40))
            if (spec := used.get((layer, head))) is not None:
                for (dest, src), value in spec.scores.items():
                    wanted_scores[features[dest], features[src]] = value
                for (src, written), value in spec.writes.items():
                    wanted_writes[features[src], features[written]] = value
            scores = weights["W_Q"][head] @ weights["W_K"][head].T / np.sqrt(config.d_head or 0)
            writes = weights["W_V"][head] @ weights["W_O"][head]
            assert np.abs(basis @ scores.numpy() @ basis.T - wanted_scores).max() < 2e-4  # scores up to 200
            assert np.abs(basis @ writes.numpy() @ basis.T - wanted_writes).max() < 2e-5


def basis_of(model, task) -> np.ndarray:
    """[feature d_model]: the direction of every feature, from a rotation drawn once more where there is one."""
    plain, turned = build(task.name), model
    # both have all their weights: the rotation is what turns the one's stacked rows into the other's
    rows = [
        torch.cat([m.W_E, m.W_pos, m.W_U.T, *(b.attention.W_O.flatten(0, 1) for b in m.layers)])
        for m in (plain, turned)
    ]
    left, _, right = torch.linalg.svd(rows[0].double().T @ rows[1].double())
    return (left @ right).numpy()


@pytest.mark.parametrize("name", NAMES)
def test_rotation_changes_no_margin_and_leaves_nothing_axis_aligned(name: str) -> None:
    task, plain, turned = TASKS.load(name), build(name), build(name, ROTATED)
    text = draw_texts(task, 1)[0].words
    assert np.abs(plain_margins(plain, task, text) - plain_margins(turned, task, text)).max() < 1e-4
    seen = [turned.W_E, turned.W_pos, turned.W_U.T]
    seen += [x for b in turned.layers for x in b.attention.W_O]
    rows = torch.cat([x[x.norm(dim=1) > 0] for x in seen])
    assert (rows.abs().max(1).values / rows.norm(dim=1)).max() < 0.8  # 1 for a row along an axis
    assert not torch.equal(turned.W_E, build(name, ROTATED, seed=1).W_E)
    assert torch.equal(turned.W_E, build(name, ROTATED).W_E)


@pytest.mark.parametrize("name", NAMES)
def test_small_noise_keeps_the_truth(name: str) -> None:
    """At 0.01: Shapley values within 0.1 of the gain; every weight matrix has moved by 1 % of its size."""
    task, turned, noisy = TASKS.load(name), build(name, ROTATED), build(name, NOISY)
    for text in draw_texts(task, 3, telling=True):
        scores = compute_exact(game_of(noisy, task, text.words)).scores
        assert np.abs(scores / GAIN - task.shapley(text.words)).max() < 0.1
    for (key, old), (_, new) in zip(turned.named_parameters(), noisy.named_parameters(), strict=True):
        if old.dim() > 1 and old.any():
            moved = (new - old).double()
            assert float(moved.square().mean().sqrt() / old.double().square().mean().sqrt()) == pytest.approx(
                0.01, rel=0.2
            )
            assert abs(float(moved.mean())) < 0.01 * float(old.square().mean().sqrt())
        else:
            assert torch.equal(old, new), key


def test_factors_of_any_matrix_multiply_back() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        matrix = rng.integers(-1, 2, (4, 6)) * (rng.random((4, 6)) < 0.5) * 1.5
        left, right = factors(matrix)
        assert (left @ right.T == matrix).all()
        rows, columns = ({tuple(row) for row in m if row.any()} for m in (matrix, matrix.T))
        assert left.shape[1] == right.shape[1] == min(len(rows), len(columns))


# a user's own task


def register(monkeypatch: pytest.MonkeyPatch, task: Task) -> Task:
    monkeypatch.setattr(own_task, "TASK", task)
    monkeypatch.setitem(TASKS._entries, task.name, "tests.tasks.own_task:TASK")
    return task


def test_own_task_in_one_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Words, a generator, a rule, and heads that say what they read and write: the model follows the rule."""
    task = register(monkeypatch, own_task.TASK)
    model = build("neighbours")
    texts = draw_texts(task, 300)
    labels = [label_of(task, text.words) for text in texts]
    assert {True, False} == set(map(bool, labels))
    assert logits_of(model, token_rows(task, [text.words for text in texts])).argmax(1).tolist() == labels
    for text in texts[:4]:
        margins = plain_margins(model, task, text.words)
        assert np.abs(margins - GAIN * rule_values(task, text.words)).max() < 1e-5
        assert exact_weights(9) @ margins / GAIN == pytest.approx(task.shapley(text.words), abs=1e-5)


# mistakes


def told(task: Task, config: ModelConfig = CONFIG) -> str:
    with pytest.raises(ConfigError) as error:
        check_fit(task, config)
    return str(error.value)


def test_all_that_a_model_lacks_is_told_at_once() -> None:
    small = ModelConfig(name="small", family="circuit", n_layers=1, n_heads=2, d_model=20, d_head=3)
    assert told(TASKS.load("negation"), small) == (
        "task 'negation' does not fit model 'small':\n"
        "  n_layers is 1, wanted 2 or more\n"
        "  n_heads is 2, wanted 4 or more\n"
        "  d_model is 20, wanted 28 or more\n"
        "  d_head is 3, wanted 9 or more\n"
        "  max_words is 60, wanted 9: all texts have so many words\n"
        "  d_mlp is 256, wanted 0: the circuit is made of attention alone\n"
        "  layer_norm is true, wanted false: it would mix the directions"
    )


@pytest.mark.parametrize("name", NAMES)
def test_the_least_that_is_wanted_is_enough(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And one less of anything is told, not built."""
    task = TASKS.load(name)
    least = {
        "n_layers": max(spec.layer for spec in task.heads) + 1,
        "n_heads": max(sum(spec.layer == layer for spec in task.heads) for layer in (0, 1)),
        "d_model": len(features_of(task)),
        "d_head": fitting._widest(task, features_of(task)),
    }
    config = CONFIG.model_copy(update=least)
    text = draw_texts(task, 1)[0].words
    assert plain_margins(build(name, config), task, text)[-1] / GAIN == pytest.approx(task.rule(text), abs=1e-5)
    for key, value in least.items():
        assert told(task, config.model_copy(update={key: value - 1})).endswith(
            f"\n  {key} is {value - 1}, wanted {value} or more"
        )


def head(name: str = "Own", layer: int = 0, **changes) -> HeadSpec:
    return HeadSpec(name=name, layer=layer, role="direct", **changes)


@pytest.mark.parametrize(
    ("heads", "problem"),
    [
        (
            [head(scores={("[CLS]", "after w"): 1.0})],
            "head 'Own' of layer 0 reads 'after w', which no earlier layer writes",
        ),
        (
            [head(writes={("v", "flag"): 1.0}), head("Two", writes={("flag", "out"): 1.0})],
            "head 'Two' of layer 0 reads 'flag', which no earlier layer writes",  # written in the same layer
        ),
        ([head(scores={(position(10), "u"): 1.0})], "head 'Own' of layer 0 reads 'position 10', which no earlier"),
        ([head(layer=-1)], "head 'Own' is of layer -1: layers count from 0"),
        (
            [replace(head(), role="dirct")],
            "head 'Own' has the unknown role 'dirct'; did you mean 'direct'? (allowed: direct, indirect, latent, ",
        ),
        ([replace(head(), role="pad")], "head 'Own' has the unknown role 'pad'"),  # what the model adds, not the task
        (
            [head("Write"), head("Erase", undoes="Wrte")],
            "head 'Erase' undoes 'Wrte', which is no other head of the task; did you mean 'Write'? (allowed: Write)",
        ),
        ([head(undoes="Own"), head("Two")], "head 'Own' undoes 'Own', which is no other head of the task"),
        ([head(), head()], "2 heads are named 'Own': rename all but one"),
        ([], "it has no heads"),
        ([head(writes={("u", "v"): 1.0})], "the word 'v' is also a feature, a flag or another word: rename it"),
    ],
)
def test_heads_that_cannot_be_built(heads: list[HeadSpec], problem: str) -> None:
    message = told(replace(own_task.TASK, heads=tuple(heads)))
    assert message.startswith(f"task 'neighbours' does not fit model 'hand-built':\n  {problem}"), message


def test_nearest_feature_is_suggested() -> None:
    heads = (head("A", writes={("u", "after u"): 1.0}), head("B", 1, scores={("[CLS]", "aftr u"): 1.0}))
    assert "which no earlier layer writes; did you mean 'after u'? (allowed: [CLS], u, v, n1" in told(
        replace(own_task.TASK, heads=heads)
    )


@pytest.mark.parametrize("word", ["out", "[MASK]", "u", "after u", "null 3"])
def test_word_that_means_something_else_too(word: str) -> None:
    task = replace(own_task.TASK, words=(*own_task.TASK.words, word))
    assert f"the word '{word}' is also a feature, a flag or another word: rename it" in told(task)


def source(**changes) -> ModelSource:
    task = TASKS.load("order")
    return replace(ModelSource(config=CONFIG, words=vocabulary_of(task), n_classes=2, task="order"), **changes)


def test_data_set_without_a_task() -> None:
    with pytest.raises(ConfigError) as error:
        build_circuit(source(task=None), torch.Generator())
    assert str(error.value) == (
        "model 'hand-built' is of family 'circuit', set by hand for a task: it runs on data sets of source 'planted' "
        "only; name the models of the other data sets under datasets.<name>.models"
    )


def test_vocabulary_without_the_words() -> None:
    with pytest.raises(ConfigError) as error:
        build_circuit(source(words=("[PAD]", "[CLS]", "[MASK]", "[UNK]", "n1", "n2", "z", "x")), torch.Generator())
    assert str(error.value) == (
        "task 'order' has the words n3, y, which the vocabulary lacks: lower vocabulary.min_count or raise max_train"
    )


def test_model_without_room_is_not_built() -> None:
    with pytest.raises(ConfigError, match="task 'order' does not fit model 'hand-built':\n  max_words is 12, wanted 9"):
        build_circuit(source(config=CONFIG.model_copy(update={"max_words": 12})), torch.Generator())


def test_words_of_no_task_are_nothing() -> None:
    model = build_circuit(source(words=(*vocabulary_of(TASKS.load("order")), "film")), torch.Generator())
    assert torch.equal(model.W_E[:-1], build("order").W_E)
    assert not model.W_E[-1].any()


def test_vocabulary_in_any_order() -> None:
    task = TASKS.load("order")
    shuffled = build_circuit(source(words=(*vocabulary_of(task)[:4], *reversed(task.words))), torch.Generator())
    plain = build("order")
    assert torch.equal(shuffled.W_E[4:], plain.W_E[4:].flip(0))
    assert not shuffled.W_E[[0, 2, 3]].any()  # absent words are nothing


def test_bias_is_taken_back() -> None:
    for name in NAMES:
        model, task = build(name), TASKS.load(name)
        place = dict(zip([spec.name for spec in task.heads], head_places(task), strict=True))["Bias"]
        empty = game_of(model, task, draw_texts(task, 1)[0].words).value(np.zeros((1, 9), dtype=bool))[0]
        assert empty[model.index.names.index("L{}H{}".format(*place))] == pytest.approx(GAIN * BIAS, abs=1e-5)
        assert empty[-1] == pytest.approx(-GAIN * BIAS, abs=1e-5)
