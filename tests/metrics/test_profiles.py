"""Profiles of heads: their numbers, the words they carry, where methods part, and which head is which across seeds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from study.metrics.disagreement import DISAGREEMENT_COLUMNS, explain_disagreement
from study.metrics.matching import MATCH_COLUMNS, match_heads
from study.metrics.profiles import PROFILE_COLUMNS, WORD_COLUMNS, profile_heads, profile_words
from study.stats import crossed_interval
from tests.metrics.head_games import (
    CONSTANT,
    DIRECT,
    ERASED_BY_MLP,
    FED,
    INDIRECT,
    NULL,
    WITH_BACKUPS,
    alone,
    make_tables,
)

CELL = {"dataset": "d", "model": "m"}


def profile(tables: dict[str, pd.DataFrame], attention: pd.DataFrame | None = None) -> pd.DataFrame:
    wanted = (tables[t] for t in ("heads", "components", "interactions", "trials"))
    return profile_heads(*wanted, attention, level=0.95)


def of_method(tables, method, component, seed=0):
    rows = tables["heads"].query("method == @method and component == @component and seed == @seed")
    return rows["score"].to_numpy()


def test_one_row_a_head_and_seed_with_the_means_over_its_texts() -> None:
    tables = make_tables([DIRECT, INDIRECT, NULL], seeds=(0, 1))
    table = profile(tables)
    assert list(table.columns) == PROFILE_COLUMNS
    assert table[["seed", "component"]].values.tolist() == [[s, f"L0H{h}"] for s in (0, 1) for h in range(3)]
    row = table.iloc[4]  # seed 1, the indirect head
    psi, lost = (of_method(tables, m, "L0H1", seed=1) for m in ("shapley_margin", "ablation_mean"))
    d = of_method(tables, "direct_centred", "L0H1", seed=1)  # no constant write: the raw one too
    assert row["direct_size"] == pytest.approx(np.abs(d).mean())
    assert row["raw_size"] == pytest.approx(np.abs(d).mean())
    assert row["causal_size"] == pytest.approx(np.abs(psi).mean())
    assert row["ablation_size"] == pytest.approx(np.abs(lost).mean())
    assert row["indirect_size"] == pytest.approx(np.abs(lost - d).mean())
    beyond_empty = of_method(tables, "shapley", "L0H1", seed=1)  # with what the head does to the empty text
    assert row["words_causal_size"] == pytest.approx(np.abs(beyond_empty).mean())
    assert row["words_causal_mean"] == pytest.approx(beyond_empty.mean())
    assert (row["words_direct_size"], row["words_direct_mean"]) == pytest.approx((np.abs(d).mean(), d.mean()))
    share = (np.abs(psi) - d * np.sign(psi)) / (np.abs(psi) + np.abs(d))
    assert (psi > 0).any()
    assert (psi < 0).any()  # the share does not depend on which way a text's words push
    interval = crossed_interval(share[None], 0.95)
    assert row[["indirect_share", "indirect_low", "indirect_high"]].tolist() == pytest.approx(interval)
    assert (row["class_"], row["n_undefined"], row["confirmed"]) == ("indirect", 0, None)
    tried = ["trial_change", "trial_high", "trial_flipped", "trial_accuracy_lost"]
    assert row[tried].tolist() == pytest.approx([1.0, 1.001, 0.25, 0.125])


def test_share_is_undefined_where_both_are_negligible_and_counted() -> None:
    tables = make_tables([DIRECT, NULL])
    table = profile(tables).set_index("component")
    assert table.loc["L0H1", "n_undefined"] == 40
    assert np.isnan(table.loc["L0H1", "indirect_share"])
    assert (table.loc["L0H1", "class_"], table.loc["L0H1", "confirmed"]) == ("null", True)
    small = (tables["components"]["component"] == "L0.mlp") & (tables["components"]["example_id"] == "e3")
    tables["components"].loc[small, "contribution"] = 1e4  # eps grows with the words' effect of a text
    assert profile(tables).set_index("component").loc["L0H0", "n_undefined"] == 1


def test_partner_is_the_one_of_the_largest_mean_size() -> None:
    tables = make_tables([WITH_BACKUPS, DIRECT])
    pairs = tables["interactions"]
    cancel = (pairs["component_a"] == "L0H0") & (pairs["component_b"] == "L0H3")
    pairs.loc[cancel, "margin_value"] = np.resize([3.0, -3.0], cancel.sum())  # large in size, 0 in the mean
    row = profile(tables).iloc[0]
    assert row["partner"] == "L0H3"
    assert abs(row["interaction"]) < 1
    assert profile(tables).iloc[3]["partner"] == "L0H0"  # from the other side of the pair


def test_an_interaction_counts_towards_what_both_heads_push_to() -> None:
    """Of a head and its backups: they share work on every text, whichever way its words push."""
    tables = make_tables([WITH_BACKUPS, DIRECT])
    pairs = tables["interactions"].query("component_a == 'L0H0' and component_b == 'L0H1'")["margin_value"]
    assert pairs.min() < -0.2 < 0.2 < pairs.max()
    table = profile(tables)
    assert table["partner"].iloc[0] in ("L0H1", "L0H2")
    assert table["interaction"].iloc[0] == pytest.approx(-pairs.abs().mean())


def test_a_constant_write_is_flagged_and_not_counted_as_an_effect() -> None:
    partly = alone(1.0, 1.0, constant=1.2)  # raw about 1.3, centred 1
    table = profile(make_tables([CONSTANT, DIRECT, partly]))
    assert table["constant"].tolist() == [True, False, False]
    assert table.loc[2, "raw_size"] > table.loc[2, "direct_size"] + 0.1
    assert table.loc[0, "raw_size"] == pytest.approx(5, abs=0.2)
    assert table.loc[0, "direct_size"] < 0.5


def test_attention_is_averaged_over_texts() -> None:
    attention = pd.DataFrame(
        [{**CELL, "seed": 0, "example_id": e, "component": "L0H0", "to_cls": c, "entropy": h}
         for e, c, h in (("e0", 0.2, 1.0), ("e1", 0.6, 3.0))]
    )  # fmt: skip
    table = profile(make_tables([DIRECT, INDIRECT]), attention)
    assert table.loc[0, ["attention_to_cls", "attention_entropy"]].tolist() == pytest.approx([0.4, 2.0])
    assert table.loc[1, ["attention_to_cls", "attention_entropy"]].isna().all()


def test_without_causal_rows_the_direct_numbers_remain() -> None:
    tables = make_tables([DIRECT, INDIRECT])
    heads = tables["heads"][tables["heads"]["method"] == "direct_centred"]
    empty = {name: tables[name].iloc[:0] for name in ("interactions", "trials")}
    table = profile(tables | empty | {"heads": heads})
    assert table["causal_size"].isna().all()
    assert table["direct_size"].notna().all()
    assert table["n_undefined"].tolist() == [40, 40]
    assert table["partner"].tolist() == ["", ""]
    assert set(table["class_"]) == {"mixed"}
    assert explain_disagreement(table).empty


def test_one_head_has_no_partner() -> None:
    table = profile(make_tables([INDIRECT]))
    assert table[["component", "partner", "class_"]].values.tolist() == [["L0H0", "", "indirect"]]
    assert explain_disagreement(table).empty


def test_a_score_twice_is_an_error() -> None:
    tables = make_tables([DIRECT])
    tables["heads"] = pd.concat([tables["heads"], tables["heads"].iloc[:1]])
    with pytest.raises(ValueError, match="duplicate"):
        profile(tables)


def make_crosswalk(
    cells: dict[tuple[int, str, int, str, str], tuple[float, float]], shap: str = "shapley"
) -> pd.DataFrame:
    """(seed, example_id, word_index, word, component) -> (causal, direct)."""
    return pd.DataFrame(
        [
            {**CELL, "seed": seed, "example_id": e, "word_index": i, "word": word, "component": component,
             "method": method, "kind": kind, "value": value}
            for (seed, e, i, word, component), values in cells.items()
            for (method, kind), value in zip((("two_way_shapley", "causal"), (shap, "direct")), values, strict=True)
        ]
    )  # fmt: skip


@pytest.mark.parametrize("shap", ["shapley", "shap"])  # the shap package's in a run without the study's own
def test_words_are_averaged_over_occurrences_and_ranked_on_each_side(shap: str) -> None:
    crosswalk = make_crosswalk(
        {
            (0, "a", 0, "good", "L0H0"): (1.0, 0.1),
            (0, "a", 1, "good", "L0H0"): (3.0, 0.3),
            (0, "b", 0, "good", "L0H0"): (2.0, 0.2),
            (0, "b", 1, "fine", "L0H0"): (2.5, 0.0),
            (0, "b", 2, "bad", "L0H0"): (-9.0, 1.0),
            (0, "b", 3, "the", "L0H0"): (0.0, 1.0),
            (0, "b", 4, "cut", "L0H0"): (np.nan, np.nan),
            (0, "b", 0, "good", "L0H1"): (-1.0, 0.5),
        },
        shap,
    )
    only_direct = crosswalk[(crosswalk["method"] == shap) & (crosswalk["example_id"] == "b")].assign(
        example_id="without causal", value=7.0
    )
    table = profile_words(pd.concat([crosswalk, only_direct]))
    assert list(table.columns) == WORD_COLUMNS
    rows = table[["component", "word", "side", "rank", "n_texts", "causal", "direct"]].values.tolist()
    assert rows == [
        ["L0H0", "fine", "+", 1, 1, 2.5, 0.0],
        ["L0H0", "good", "+", 2, 2, 2.0, pytest.approx(0.2)],
        ["L0H0", "bad", "-", 1, 1, -9.0, 1.0],
        ["L0H1", "good", "-", 1, 1, -1.0, 0.5],
    ]
    assert profile_words(crosswalk, n_words=1)["word"].tolist() == ["fine", "bad", "good"]
    assert profile_words(only_direct).empty


def test_words_of_a_single_text_give_way_where_enough_stand_in_several() -> None:
    rows = [
        {**CELL, "seed": 0, "example_id": f"e{text}", "word_index": i, "word": f"w{i}", "component": "L0H0"}
        | {"method": "two_way_shapley", "kind": "causal", "value": (-1) ** i * (0.1 + i)}
        for i in range(6)
        for text in range(1 if i > 3 else 2)  # the two strongest words stand in one text each
    ]
    crosswalk = pd.DataFrame(rows)
    assert profile_words(crosswalk, n_words=2)["word"].tolist() == ["w2", "w0", "w3", "w1"]
    assert profile_words(crosswalk, n_words=3)["word"].tolist() == ["w4", "w2", "w0", "w5", "w3", "w1"]


def test_disagreement_names_the_reason_of_every_planted_head() -> None:
    parts = {"indirect": INDIRECT, "cancelling": ERASED_BY_MLP, "constant": CONSTANT}
    table = explain_disagreement(profile(make_tables(list(parts.values()))))
    assert list(table.columns) == DISAGREEMENT_COLUMNS
    found = dict(zip(table["component"], table["reason"], strict=True))
    assert found == {"L0H0": "indirect", "L0H1": "cancelling", "L0H2": "constant"}
    row = table.set_index("component").loc["L0H2"]
    assert row[["rank_raw", "rank_direct", "rank_causal"]].tolist() == [1, 2, 2]
    assert row["explanation"] == profile(make_tables(list(parts.values())))["reason"][2]


def test_disagreement_of_a_fed_head_is_shared_credit_and_of_a_backup_its_backups() -> None:
    found = explain_disagreement(profile(make_tables([FED, DIRECT, DIRECT])), n_heads=9)
    assert found.set_index("component").loc["L0H2", "reason"] == "shared"
    found = explain_disagreement(profile(make_tables([WITH_BACKUPS, INDIRECT])), n_heads=9)
    assert found.set_index("component").loc["L0H0", "reason"] == "backup"


def test_an_indirect_head_stays_so_when_its_small_write_is_constant_too() -> None:
    table = explain_disagreement(profile(make_tables([alone(0.1, 2.0, constant=0.5), DIRECT])))
    found = table.set_index("component").loc["L0H0"]
    assert found[["rank_raw", "rank_direct", "rank_causal", "reason"]].tolist() == [2, 2, 1, "indirect"]


def test_a_direct_head_that_stands_higher_by_its_shapley_value_does_not_share_credit() -> None:
    profiles = profile(make_tables([DIRECT, alone(1.5, 1.0)]))
    assert profiles["class_"].tolist() == ["direct", "direct"]
    table = explain_disagreement(profiles.assign(ablation_size=9.0))
    assert dict(zip(table["component"], table["reason"], strict=True)) == {"L0H0": "mixed", "L0H1": "shared"}


def test_disagreement_is_per_seed_largest_first_and_at_most_so_many() -> None:
    profiles = profile(make_tables([INDIRECT, DIRECT, alone(2.0, 0.05), NULL], seeds=(3, 1)))
    table = explain_disagreement(profiles, n_heads=2)
    assert table["seed"].tolist() == [3, 3, 1, 1]
    assert table["component"].tolist() == ["L0H2", "L0H0"] * 2  # from place 1 to 3, from 3 to 2
    alike = profiles.assign(raw_size=profiles["causal_size"], direct_size=profiles["causal_size"])
    assert explain_disagreement(alike).empty


def swapped_seeds(noise: float = 0.0) -> pd.DataFrame:
    """Two seeds whose layer-0 heads have changed places; L1H0 is alone in its layer."""
    rng = np.random.default_rng(0)
    profiles = {"L0H0": [3.0, 0, 1, 0], "L0H1": [0, -2.0, 0, 1], "L1H0": [1.0, 1, 1, 1]}
    name = {0: {}, 1: {"L0H0": "L0H1", "L0H1": "L0H0"}}
    return make_crosswalk(
        {
            (seed, "a", i, f"w{i}", name[seed].get(head, head)): (value + noise * rng.normal(), 0.0)
            for seed in (0, 1)
            for head, values in profiles.items()
            for i, value in enumerate(values)
        }
    )


def test_heads_that_changed_places_are_found_again() -> None:
    table = match_heads(swapped_seeds(noise=0.05))
    assert list(table.columns) == MATCH_COLUMNS
    rows = table[["layer", "head_a", "head_b"]].values.tolist()
    assert rows == [[0, "L0H0", "L0H1"], [0, "L0H1", "L0H0"], [1, "L1H0", "L1H0"]]
    assert (table["cosine"] > 0.98).all()
    assert table["cosine_others"].abs()[:2].max() < 0.2
    assert np.isnan(table["cosine_others"][2])


def test_matching_uses_only_words_of_both_seeds_and_says_when_nothing_is_carried() -> None:
    crosswalk = swapped_seeds()
    extra = crosswalk[crosswalk["seed"] == 1].assign(word="only there", example_id="b", word_index=9, value=100.0)
    pd.testing.assert_frame_equal(match_heads(crosswalk), match_heads(pd.concat([crosswalk, extra.iloc[:6]])))
    silent = crosswalk.assign(value=crosswalk["value"].mask(crosswalk["component"] == "L1H0", 0.0))
    assert np.isnan(match_heads(silent)["cosine"][2])
    assert match_heads(crosswalk[crosswalk["seed"] == 0]).empty
    assert list(match_heads(crosswalk.iloc[:0]).columns) == MATCH_COLUMNS
