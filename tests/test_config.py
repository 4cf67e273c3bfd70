"""Config files: every mistake at its place, all at once; overrides; what is written loads back equal."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study.config import ConvergenceConfig, DatasetConfig, HeadsConfig, ModelConfig, StudyConfig, TrainingConfig
from study.config.checks import AllowedNames
from study.config.loading import config_hash, dump_config, flatten_settings, limit_texts, load_config, parse_config
from study.errors import ConfigError

CONFIGS = Path(__file__).parents[1] / "configs"
ALLOWED = AllowedNames(
    datasets=("rotten_tomatoes", "files"),
    unlabelled=("imdb",),
    lexicons=("vader",),
    rated=("vader_movies",),
    models=("encoder",),
    explainers=(
        *("shapley", "shap", "lime", "occlusion", "gradient_x_input", "integrated_gradients", "attention", "rollout"),
        "random",
    ),
    removals=("mask", "delete", "attend", "resample"),
    head_methods=HeadsConfig().methods,
    samplers=("odd_order", "lime"),
    sections=("findings", "model"),
    tasks=("negation",),
    misfits=lambda _task, _model: (),
    rated_problem=lambda _rated: None,
)
GOOD = """\
name: good
seeds: [0, 1]
datasets:
  - name: reviews
    source: rotten_tomatoes
models:
  - name: small
    n_layers: 1
"""


def load(tmp_path: Path, text: str | bytes, *overrides: str) -> StudyConfig:
    path = tmp_path / "study.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return load_config(path, overrides, ALLOWED)


def mistakes(tmp_path: Path, text: str | bytes, *overrides: str) -> str:
    """The error's text, with the file's folder left out."""
    with pytest.raises(ConfigError) as error:
        load(tmp_path, text, *overrides)
    return str(error.value).replace(f"{tmp_path}/", "")


def test_good_config_loads_with_defaults(tmp_path: Path) -> None:
    config = load(tmp_path, GOOD)
    assert config.seeds == (0, 1)
    assert config.models == (ModelConfig(name="small", n_layers=1),)
    assert config.explain.n_texts == 100


@pytest.mark.parametrize("name", ["experiment", "smoke"])
def test_configs_of_the_project_load(name: str) -> None:
    config = load_config(CONFIGS / f"{name}.yaml", [], ALLOWED)
    assert config.name == name
    assert {model.d_mlp > 0 for model in config.models} == {True, False}


@pytest.mark.parametrize(
    ("line", "wrong", "expected"),
    [
        (
            "    n_layers: 1",
            "    n_layer: 1",
            "study.yaml:8:5: unknown key 'models.0.n_layer'; did you mean 'n_layers'?",
        ),
        (
            "    n_layers: 1",
            "    n_layers: two",
            'study.yaml:8:15: models.0.n_layers: must be a valid integer, got "two"',
        ),
        (
            "    n_layers: 1",
            '    n_layers: "1"',
            'study.yaml:8:15: models.0.n_layers: must be a valid integer, got "1"',
        ),
        (
            "    n_layers: 1",
            "    n_layers: 1.0",
            "study.yaml:8:15: models.0.n_layers: must be a valid integer, got 1.0",
        ),
        (
            "    n_layers: 1",
            "    n_layers: yes",
            "study.yaml:8:15: models.0.n_layers: must be a valid integer, got true",
        ),
        (
            "    n_layers: 1",
            "    n_layers: 0",
            "study.yaml:8:15: models.0.n_layers: must be greater than or equal to 1",
        ),
        ("    n_layers: 1", "    n_heads: 3", "study.yaml:7:5: models.0: d_model 64 does not divide by n_heads 3"),
        (
            "    n_layers: 1",
            "    family: encodr",
            "study.yaml:8:13: models.0.family: unknown model family 'encodr'; did",
        ),
        ("    n_layers: 1", "    n_layers: .inf", "study.yaml:8:15: models.0.n_layers: must be a"),
        ("    n_layers: 1", "    n_layers: 1\n    n_layers: 2", "study.yaml:9:5: the key 'n_layers' stands here twice"),
        (
            "    n_layers: 1",
            "  - name: SMALL",
            "study.yaml:8:5: models.1: 'SMALL' is here twice, first at study.yaml:7:5",
        ),
        (
            "    n_layers: 1",
            "    n_layers: !!python/object:os.system 1",
            "study.yaml:8:15: could not determine a constr",
        ),
        ("    n_layers: 1", "    n_layers: &a [*a]", "study.yaml:8:15: a value that contains itself"),
        ("    n_layers: 1", "    ? [a]\n    : 1", "study.yaml:8:7: a key must be plain text"),
        ("name: good", "name: ../good", "study.yaml:1:7: name: must be 1 to 64 letters, digits"),
        ("name: good", "name: 2024", "study.yaml:1:7: name: must be a valid string, got 2024"),
        ("name: good", "nam: good", "study.yaml:1:1: unknown key 'nam'; did you mean 'name'?"),
        ("name: good", "x: good", "study.yaml:1:1: the key 'name' is missing"),
        ("seeds: [0, 1]", "seeds: [0, 0]", "study.yaml:2:12: seeds.1: '0' is here twice, first at study.yaml:2:9"),
        ("seeds: [0, 1]", "seeds: [-1]", "study.yaml:2:9: seeds.0: must be greater than or equal to 0, got -1"),
        ("seeds: [0, 1]", "seeds: []", "study.yaml:2:8: seeds: must have at least one entry, got []"),
        ("seeds: [0, 1]", "seeds: 3", "study.yaml:2:8: seeds: must be a valid array, got 3"),
        (
            "    source: rotten_tomatoes",
            "    source: rotten_tomatos",
            "study.yaml:5:13: datasets.0.source: unknown data",
        ),
        ("    source: rotten_tomatoes", "    source: files", "study.yaml:5:13: datasets.0: the source 'files' needs a"),
        (
            "    source: rotten_tomatoes",
            "    source: files\n    path: nowhere.csv",
            "study.yaml:6:11: datasets.0.path: there is no file 'nowhere.csv'",
        ),
        (
            "    source: rotten_tomatoes",
            "    source: rotten_tomatoes\n    path: x.csv",
            "study.yaml:6:5: datasets.0.path is for the source 'files' only, not 'rotten_tomatoes'",
        ),
        (
            "    source: rotten_tomatoes",
            "    source: rotten_tomatoes\n    word_vectors: {source: imbd}",
            "study.yaml:6:28: datasets.0.word_vectors.source: unknown unlabelled text 'imbd'; did you mean 'imdb'?",
        ),
        ("seeds: [0, 1]", "seeds: [0]\nexplain: {removal: msk}", "study.yaml:3:20: explain.removal: unknown removal"),
        ("seeds: [0, 1]", "seeds: [0]\nexplain: {methods: [lmie]}", "study.yaml:3:21: explain.methods.0: unknown expl"),
        (
            "seeds: [0, 1]",
            "seeds: [0]\nruntime: {device: gpu}",
            "study.yaml:3:19: runtime.device: must be cpu, cuda",
        ),
        ("seeds: [0, 1]", "seeds: [0]\nruntime: {dtype: half}", "study.yaml:3:18: runtime.dtype: must be 'float32' or"),
        ("seeds: [0, 1]", "seeds: [0]\nexplain: {n_texts: 1001}", "study.yaml:3:20: explain.n_texts 1001 is more than"),
        (
            "seeds: [0, 1]",
            "seeds: [0]\nexplain: {shap_evals: 120}",
            "study.yaml:3:23: explain.shap_evals 120 is",
        ),
        (
            "seeds: [0, 1]",
            "seeds: [0]\nexplain: {shapley_evals: 243}",
            "3:26: explain.shapley_evals 243 is too few for texts of 60 words (models.max_words): at least 244",
        ),
        (
            "seeds: [0, 1]",
            "seeds: [0]\nheads: {methods: [shaply]}",
            "study.yaml:3:19: heads.methods.0: unknown head method 'shaply'; did you mean 'shapley'?",
        ),
        (
            "seeds: [0, 1]",
            "seeds: [0]\nheads: {groups: [[L0H0, L2H9]]}",
            "study.yaml:3:18: heads.groups.0: unknown head 'L2H9': model 'small' has layer 0 only, heads 0-3",
        ),
        (
            "seeds: [0, 1]",
            "seeds: [0]\nheads: {groups: [[L0H0, L0H0]]}",
            "heads.groups.0: ['L0H0', 'L0H0'] must name one head or more, each once",
        ),
        ("seeds: [0, 1]", "seeds: [0]\nheads: {groups: [[]]}", "heads.groups.0: [] must name one head or more"),
        (
            "seeds: [0, 1]",
            "seeds: [0]\nheads: {crosswalk_word_coalitions: 200}",
            "heads.crosswalk_word_coalitions 200 is too few for 60 words (models.max_words): at least 244",
        ),
        (
            "seeds: [0, 1]",
            "seeds: [0]\nconvergence: {samplers: [odd_ordr]}",
            "study.yaml:3:26: convergence.samplers.0: unknown sampler 'odd_ordr'; did you mean 'odd_order'?",
        ),
        (
            "seeds: [0, 1]",
            "seeds: [0]\nconvergence: {samplers: [lime, lime]}",
            "study.yaml:3:32: convergence.samplers.1: 'lime' is here twice, first at study.yaml:3:26",
        ),
        (
            "seeds: [0, 1]",
            "seeds: [0]\nreport: {sections: [modle]}",
            "study.yaml:3:21: report.sections.0: unknown report section 'modle'; did you mean 'model'?",
        ),
        (
            "seeds: [0, 1]",
            "seeds: [0]\nreport: {sections: [model, model]}",
            "study.yaml:3:28: report.sections.1: 'model' is here twice, first at study.yaml:3:21",
        ),
        (
            "seeds: [0, 1]",
            "seeds: [0]\nconvergence: {evaluations: [64, 64]}",
            "convergence.evaluations.1: '64' is here twice",
        ),
        ("seeds: [0, 1]", "seeds: [0]\nconvergence: {datasets: [review]}", "'review'; did you mean 'reviews'?"),
        ("seeds: [0, 1]", "seeds: [0]\nconvergence: {models: [smal]}", "'smal'; did you mean 'small'?"),
        ("seeds: [0, 1]", "seeds: [0]\ntraining: {dropout: 1}", "study.yaml:3:12: unknown key 'training.dropout'"),
        ("seeds: [0, 1]", "seeds: [0", "study.yaml:3:9: expected ',' or ']', but got ':'"),
        ("seeds: [0, 1]", "seeds: [0]\n---\na: 1", "study.yaml:3:1: but found another document"),
        ("seeds: [0, 1]", "seeds: [0] # \x07", "study.yaml:2:14: the character #x0007 is not allowed in YAML"),
    ],
)
def test_mistake_is_told_at_its_place(tmp_path: Path, line: str, wrong: str, expected: str) -> None:
    assert line in GOOD
    told = mistakes(tmp_path, GOOD.replace(line, wrong))
    assert expected in told, told


def test_several_mistakes_are_told_together_in_order(tmp_path: Path) -> None:
    text = GOOD.replace("n_layers", "n_layer").replace("[0, 1]", "[0, 0]").replace("rotten", "rottn")
    lines = mistakes(tmp_path, text, "explain.n_texts=0", "explain.removal=msk").splitlines()
    assert lines[0] == "5 mistakes in the config study.yaml:"
    starts = [line.split(": ")[0] for line in lines[1:]]
    assert starts == [
        "study.yaml:2:12",
        "study.yaml:5:13",
        "study.yaml:8:5",
        "override 'explain.n_texts=0'",
        "override 'explain.removal=msk'",
    ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "study.yaml:1:1: the config is empty"),
        (b"# only a comment\n", "study.yaml:1:1: the config is empty"),
        (b"name: good\nseeds: [\xff]\n", "study.yaml:2:9: not UTF-8 text"),
        (b"- 1\n", "study.yaml:1:1: the config: must be an object"),
        (b"[" * 3000, "study.yaml:1:1: nested too deeply"),
    ],
)
def test_file_that_is_no_config(tmp_path: Path, content: bytes, expected: str) -> None:
    assert expected in mistakes(tmp_path, content)


def test_missing_file_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "experiment.yaml").write_text(GOOD)
    with pytest.raises(ConfigError, match=r"cannot read the config .*No such file.*did you mean 'experiment.yaml'"):
        load_config(tmp_path / "experimnt.yaml", [], ALLOWED)


def test_overrides_replace_settings(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        GOOD,
        "name=other",
        "models.0.n_layers=3",
        "models.small.d_mlp=0",
        "explain.methods=[shap, lime]",
        "training.learning_rate=1e-4",
        "datasets.0.max_train=",
        "datasets.reviews.word_vectors.window=3",
    )
    assert config.name == "other"
    assert (config.models[0].n_layers, config.models[0].d_mlp) == (3, 0)
    assert config.explain.methods == ("shap", "lime")
    assert config.training.learning_rate == 1e-4
    assert config.datasets[0].max_train is None
    assert config.datasets[0].word_vectors is not None
    assert config.datasets[0].word_vectors.window == 3


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("foo", "override 'foo': must look like key=value"),
        ("=1", "override '=1': must look like key=value"),
        ("a..b=1", "override 'a..b=1': must look like key=value"),
        ("explain.n_text=1", "override 'explain.n_text=1': unknown key 'explain.n_text'; did you mean 'n_texts'?"),
        ("explan.n_texts=1", "override 'explan.n_texts=1': unknown key 'explan'; did you mean 'explain'?"),
        ("models.1.n_layers=1", "models is a list of 1: '1' must be an index from 0 to 0 or a name in it"),
        ("models.-1.n_layers=1", "models is a list of 1: '-1' must be an index"),
        ("name.x=1", "override 'name.x=1': name has no settings below it"),
        ("seeds=[1", "override 'seeds=[1': expected ',' or ']'"),
        ("seeds=[1, 1]", "override 'seeds=[1, 1]': seeds.1: '1' is here twice"),
        ("models.0.name=a/b", "override 'models.0.name=a/b': models.0.name: must be 1 to 64"),
    ],
)
def test_mistake_in_an_override(tmp_path: Path, override: str, expected: str) -> None:
    assert expected in mistakes(tmp_path, GOOD, override)


def test_later_override_wins(tmp_path: Path) -> None:
    assert load(tmp_path, GOOD, "explain.n_texts=3", "explain.n_texts=4").explain.n_texts == 4


def test_powers_of_ten_are_numbers_and_dates_are_text(tmp_path: Path) -> None:
    text = GOOD.replace("name: good", "name: 2024-01-01") + "training: {learning_rate: 1e-3, weight_decay: 2E-2}\n"
    config = load(tmp_path, text)
    assert (config.training.learning_rate, config.training.weight_decay) == (1e-3, 0.02)
    assert config.name == "2024-01-01"


def test_anchors_and_merges(tmp_path: Path) -> None:
    text = (
        GOOD.replace("  - name: small", "  - &small\n    name: small") + "  - {<<: *small, name: large, n_layers: 4}\n"
    )
    config = load(tmp_path, text)
    assert [(m.name, m.n_layers) for m in config.models] == [("small", 1), ("large", 4)]


def test_cells_that_would_share_a_folder(tmp_path: Path) -> None:
    datasets = "[{name: a, source: rotten_tomatoes}, {name: a-b, source: rotten_tomatoes}]"
    text = f"name: x\nseeds: [0]\ndatasets: {datasets}\nmodels: [{{name: b-c}}, {{name: c}}]\n"
    assert "study.yaml:4:30: 'a-b' and 'c' share the folder name of 'a' and 'b-c'" in mistakes(tmp_path, text)


SHORTCUT = """\
name: good
seeds: [0]
datasets:
  - name: reviews
    source: rotten_tomatoes
  - name: fooled
    source: rotten_tomatoes
    shortcut: {rule: ordered_pair}
models:
  - name: small
  - name: large
"""


def test_a_shortcut_needs_the_clean_texts_for_the_same_models(tmp_path: Path) -> None:
    assert load(tmp_path, SHORTCUT).datasets[1].shortcut is not None
    told = mistakes(tmp_path, SHORTCUT, "datasets.0.models=[small]")
    assert "study.yaml:8:5: datasets.1.shortcut: 'large' must also run on the same texts without it" in told
    assert "add a data set with the settings of 'fooled', another name and no `shortcut`" in told
    assert "'small', 'large' must also run" in mistakes(tmp_path, SHORTCUT, "datasets.0.split_seed=1")
    other = SHORTCUT.replace("models:\n", "  - {name: other, source: rotten_tomatoes, split_seed: 1}\nmodels:\n")
    load(tmp_path, other, "datasets.0.models=[small]", "datasets.1.models=[small]")


def test_shortcut_words_differ(tmp_path: Path) -> None:
    told = mistakes(tmp_path, SHORTCUT.replace("ordered_pair}", "ordered_pair, words: [ab, cd, ab]}"))
    assert "study.yaml:8:43: datasets.1.shortcut.words: ['ab', 'cd', 'ab'] must all differ" in told


def test_files_source_with_a_file_is_fine(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("text,label\n")
    text = GOOD.replace(
        "source: rotten_tomatoes", f"source: files\n    path: {tmp_path}/own.csv\n    text_column: body"
    )
    assert load(tmp_path, text).datasets[0].text_column == "body"


names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,10}", fullmatch=True)


@given(name=names, rate=st.floats(1e-12, 1e6), n_texts=st.integers(1, 1000))
def test_dumped_config_loads_back_equal(name: str, rate: float, n_texts: int) -> None:
    config = StudyConfig.model_validate(
        {
            "name": name,
            "seeds": [0, 7],
            "datasets": [{"name": name, "source": "rotten_tomatoes", "word_vectors": {}}],
            "models": [{"name": "1e5"}, {"name": "null"}],
            "training": {"learning_rate": rate},
            "explain": {"n_texts": n_texts},
        }
    )
    assert parse_config(dump_config(config), "here") == config


def test_dumped_config_passes_the_full_check(tmp_path: Path) -> None:
    config = load(tmp_path, GOOD)
    assert load(tmp_path, dump_config(config)) == config


def test_config_of_another_version_is_named() -> None:
    with pytest.raises(ConfigError, match="run/config is not a config of this version"):
        parse_config("name: x\nold_key: 1\n", "run/config")


def test_samples_of_heads_must_be_large_enough(tmp_path: Path) -> None:
    wide = GOOD + "    n_heads: 16\n"
    load(tmp_path, wide, "heads.head_coalitions=68", "heads.crosswalk_head_coalitions=68")
    told = mistakes(tmp_path, wide, "heads.head_coalitions=64", "heads.crosswalk_head_coalitions=67")
    assert "heads.head_coalitions 64 is too few for 16 heads: at least 68" in told
    assert "heads.crosswalk_head_coalitions 67 is too few for 16 heads: at least 68" in told
    load(tmp_path, GOOD, "heads.head_coalitions=64", "heads.crosswalk_head_coalitions=32")  # four heads: exact


def test_hash_covers_all_but_the_number_of_workers(tmp_path: Path) -> None:
    plain = config_hash(load(tmp_path, GOOD))
    assert config_hash(load(tmp_path, GOOD, "runtime.workers=7")) == plain
    assert config_hash(load(tmp_path, GOOD, "runtime.dtype=float64")) != plain
    assert config_hash(load(tmp_path, GOOD, "models.0.dropout=0.2")) != plain


def test_limit_caps_both_numbers_of_texts(tmp_path: Path) -> None:
    config = limit_texts(load(tmp_path, GOOD, "explain.untrained_texts=3"), 10)
    assert (config.explain.n_texts, config.explain.untrained_texts) == (10, 3)
    assert limit_texts(config, 50).explain.n_texts == 10


def test_flat_settings_go_by_name() -> None:
    settings = {"models": [{"name": "a", "x": {"y": 1}}], "seeds": [1, 2], "empty": {}}
    assert flatten_settings(settings) == {"models.a.name": "a", "models.a.x.y": 1, "seeds": [1, 2], "empty": {}}


def test_a_model_has_its_own_training_or_that_of_the_study(tmp_path: Path) -> None:
    """In its place as a whole: what its own section leaves out is the default, not the study's."""
    text = GOOD + "  - name: slow\n    training: {max_epochs: 20}\n"
    config = load(tmp_path, text, "training.max_epochs=3", "training.batch_size=7")
    small, slow = config.models
    assert config.training_of(small) == TrainingConfig(max_epochs=3, batch_size=7)
    assert config.training_of(slow) == TrainingConfig(max_epochs=20)
    assert config.training_of(slow).batch_size == 64
    again = load(tmp_path, text, "models.slow.training.max_epochs=5")
    assert [again.training_of(m).max_epochs for m in again.models] == [6, 5]


def test_a_model_runs_on_one_seed_or_more(tmp_path: Path) -> None:
    assert load(tmp_path, GOOD).models[0].n_seeds is None
    assert load(tmp_path, GOOD, "models.small.n_seeds=1").models[0].n_seeds == 1
    told = mistakes(tmp_path, GOOD, "models.small.n_seeds=0")
    assert "models.small.n_seeds=0" in told
    assert "greater than or equal to 1" in told


@pytest.mark.parametrize(
    ("models", "model", "runs"), [(None, "a", True), (("a", "b"), "b", True), (("a", "b"), "c", False)]
)
def test_data_sets_without_models_run_all(models: tuple[str, ...] | None, model: str, runs: bool) -> None:
    assert DatasetConfig(name="d", source="x", models=models).runs(model) is runs


@pytest.mark.parametrize(
    ("datasets", "models", "covered"),
    [
        ((), (), False),
        ((), ("a",), False),
        (("d",), (), True),
        (("d", "e"), ("b", "a"), True),
        (("d",), ("b",), False),
        (("e",), ("a",), False),
    ],
)
def test_convergence_covers_what_it_names(datasets: tuple[str, ...], models: tuple[str, ...], covered: bool) -> None:
    assert ConvergenceConfig(datasets=datasets, models=models).covers("d", "a") is covered
