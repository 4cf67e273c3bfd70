"""Texts and words that people rated, in configs, in what a stage depends on, in the command and the stages."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from study import rating
from study.artefacts import save_corpus, save_vocabulary, save_weights
from study.config import DatasetConfig, StudyConfig, VocabularyConfig
from study.config.loading import load_config, parse_config
from study.data.batch import make_batch
from study.data.rated import RatedSource, RatedTexts, write_rated
from study.data.vocabulary import build_vocabulary
from study.errors import ConfigError, DataError
from study.model import MODELS
from study.model.baseline import majority_class, tfidf_margin
from study.model.protocol import ModelSource
from study.records import Corpus, LabelledTexts
from study.running.freshness import _hash_inputs, select_settings
from study.running.plan import allowed_names, build_tasks
from study.stages import STAGES, StageContext

ROOT = Path(__file__).parents[1]
CONFIG = """\
name: fake
seeds: [0]
datasets: [{name: own, source: rotten_tomatoes, lexicon: vader, rated: vader_movies}]
models: [{name: a, n_layers: 1, n_heads: 2, d_model: 8, d_mlp: 0, max_words: 9}]
explain: {n_texts: 40}
"""
TRAIN = [("good kettle .", 1), ("bad kettle .", 0), ("good tea", 1), ("bad tea", 0)] * 3
TEXTS = ("A good kettle!", "Bad, bad tea.", "good tea", "The spoon")
OPINIONS = RatedTexts(
    example_id=tuple(f"vm-{i}" for i in range(4)),
    text=TEXTS,
    rating=np.array([2.0, -3.0, 1.0, 0.0]),
    rating_sd=np.ones(4),
    n_raters=np.full(4, 15),
)


def labelled(prefix: str, rows: list[tuple[str, int]]) -> LabelledTexts:
    return LabelledTexts(
        example_id=tuple(f"{prefix}{i}" for i in range(len(rows))),
        text=tuple(text for text, _ in rows),
        label=np.array([label for _, label in rows]),
    )


def corpus(n_classes: int = 2) -> Corpus:
    names = tuple(f"class {c}" for c in range(n_classes))
    parts = {"train": labelled("a", TRAIN), "validation": labelled("b", TRAIN[:2]), "test": labelled("c", TRAIN[:1])}
    return Corpus(name="own", class_names=names, **parts)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder whose rated texts are ours."""
    content = write_rated(OPINIONS)
    source = RatedSource(path=Path("data", "rated_movies.csv"), sha256=hashlib.sha256(content).hexdigest())
    monkeypatch.setattr("study.data.rated.VADER_MOVIES", source)
    monkeypatch.chdir(tmp_path)
    source.path.parent.mkdir()
    source.path.write_bytes(content)
    return tmp_path


def mistakes(folder: Path, text: str) -> str:
    (folder / "study.yaml").write_text(text)
    with pytest.raises(ConfigError) as error:
        load_config(folder / "study.yaml", [], allowed_names())
    return str(error.value)


# --- configs ---


def test_a_config_needs_the_file_of_its_rated_texts(here: Path) -> None:
    (here / "study.yaml").write_text(CONFIG)
    assert load_config(here / "study.yaml", [], allowed_names()).datasets[0].rated == "vader_movies"
    path = here / "data" / "rated_movies.csv"
    path.write_bytes(path.read_bytes() + b"\n")
    assert "study.yaml:3:72: datasets.0.rated: data/rated_movies.csv is not the file" in mistakes(here, CONFIG)
    path.unlink()
    found = mistakes(here, CONFIG)
    assert "datasets.0.rated: there is no data/rated_movies.csv in the current folder" in found
    assert "run `make data` first, or remove `rated` from the data set" in found


def test_names_and_sources_that_do_not_fit(here: Path) -> None:
    found = mistakes(here, CONFIG.replace(": vader,", ": vadar,").replace("vader_movies", "movies"))
    assert "datasets.0.lexicon: unknown lexicon 'vadar'; did you mean 'vader'? (allowed: vader)" in found
    assert "datasets.0.rated: unknown rated texts 'movies'" in found
    planted = CONFIG.replace("rotten_tomatoes", "planted, task: negation")
    for key in ("lexicon", "rated"):
        assert f"datasets.0.{key} is for texts that people wrote, not for the source 'planted'" in mistakes(
            here, planted
        )


# --- what a stage depends on ---


def settings_of(config: StudyConfig) -> dict[str, dict]:
    return {task.stage.name: select_settings(task, config) for task in build_tasks(config, STAGES)}


def test_ratings_decide_the_stages_that_read_them_and_no_other() -> None:
    plain = parse_config(CONFIG.replace(", lexicon: vader, rated: vader_movies", ""), "CONFIG")
    full = parse_config(CONFIG, "CONFIG")
    before, after = settings_of(plain), settings_of(full)
    assert "rate" in after
    assert "rate" not in before
    assert {name for name in before if before[name] != after[name]} == {"baseline", "score", "compare", "report"}


def test_their_file_is_an_input_of_those_stages(here: Path) -> None:
    config = parse_config(CONFIG, "CONFIG")
    tasks = {task.stage.name: task for task in build_tasks(config, STAGES)}
    path = here / "data" / "rated_movies.csv"
    for stage in ("baseline", "rate"):
        first = _hash_inputs(tasks[stage], config, here)
        assert list(first) == ["data/rated_movies.csv"]
        path.write_bytes(path.read_bytes() + b"more")
        assert _hash_inputs(tasks[stage], config, here) != first
    assert _hash_inputs(tasks["data"], config, here) == _hash_inputs(tasks["train"], config, here) == {}
    path.unlink()
    assert _hash_inputs(tasks["rate"], config, here) == {"data/rated_movies.csv": "missing"}


def test_a_users_file_and_rated_texts_are_inputs_side_by_side(here: Path) -> None:
    config = parse_config(CONFIG.replace("rotten_tomatoes", "files, path: own.csv"), "CONFIG")
    tasks = {task.stage.name: task for task in build_tasks(config, STAGES)}
    assert list(_hash_inputs(tasks["baseline"], config, here)) == ["own.csv", "data/rated_movies.csv"]
    assert list(_hash_inputs(tasks["data"], config, here)) == ["own.csv"]


# --- the stages ---


def test_texts_that_were_trained_on_are_left_out(here: Path) -> None:
    dataset = parse_config(CONFIG, "CONFIG").datasets[0]
    assert rating.held_out_texts(dataset, corpus()).text == ("A good kettle!", "Bad, bad tea.", "The spoon")
    with pytest.raises(DataError, match="'own' has 3 classes, but the ratings of 'vader_movies' say only"):
        rating.held_out_texts(dataset, corpus(3))


def test_baselines_answer_the_words_and_not_the_spelling(here: Path) -> None:
    found = rating.rate_with_baselines(parse_config(CONFIG, "CONFIG").datasets[0], corpus())
    assert found["example_id"].tolist() == ["vm-0", "vm-1", "vm-3"]
    assert found["rating"].tolist() == [2.0, -3.0, 0.0]
    assert found["tfidf_logreg"].tolist()[:2] == [1, 0]
    assert found["majority"].tolist() == [majority_class(corpus())] * 3
    assert found["majority_margin"].isna().all()
    apart = ["a good kettle !", "bad , bad tea .", "the spoon"]
    np.testing.assert_array_equal(found["tfidf_logreg_margin"], tfidf_margin(corpus(), apart))
    with pytest.raises(ValueError, match="two classes, not of 3"):
        tfidf_margin(corpus(3), apart)


def test_a_model_answers_with_its_margin(here: Path) -> None:
    config = parse_config(CONFIG, "CONFIG")
    dataset, model = config.datasets[0], config.models[0]
    folder = here / "run" / "cells" / "own-a-s0"
    vocabulary = build_vocabulary(corpus().train.text, None, VocabularyConfig(min_count=1))
    save_corpus(here / "run" / "data" / "own", corpus())
    save_vocabulary(here / "run" / "data" / "own", vocabulary)
    source = ModelSource(config=model, words=vocabulary.words, n_classes=2, task=None)
    encoder = MODELS.load("encoder")(source, torch.Generator().manual_seed(0))
    save_weights(folder / "model.safetensors", encoder)
    found = rating.rate_with_model(
        StageContext(
            config=config, run_folder=here / "run", folder=folder, progress=lambda *_: None,
            dataset=dataset, model=model, seed=0,
        )
    )  # fmt: skip
    batch = make_batch(labelled("x", [(text, 0) for text in (TEXTS[0], TEXTS[1], TEXTS[3])]), vocabulary, 9)
    with torch.no_grad():
        logits = encoder.eval().logits(torch.tensor(batch.token_ids), torch.tensor(batch.attend)).numpy()
    assert list(found.columns) == ["example_id", "rating", "margin", "predicted"]
    np.testing.assert_allclose(found["margin"], logits[:, 1] - logits[:, 0], rtol=1e-5)
    assert (found["predicted"] == (found["margin"] > 0)).all()
    assert found["rating"].tolist() == [2.0, -3.0, 0.0]


# --- the command ---


def test_fetch_without_a_network_says_so_and_writes_nothing(tmp_path: Path) -> None:
    environment = {"PYTHONPATH": str(ROOT), "PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": "/dev/null", "PATH": ""}
    result = subprocess.run(
        [sys.executable, "-m", "study", "fetch"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        check=False,
    )
    assert result.returncode == 2
    assert result.stdout == "fetching the source package of vaderSentiment==3.3.2 with pip\n"
    assert result.stderr.startswith("error: pip could not fetch vaderSentiment==3.3.2: ERROR: ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="no git checkout")
def test_git_never_takes_the_texts() -> None:
    command = ["git", "check-ignore", "data/rated_movies.csv", "data/README.md"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert result.stdout.split() == ["data/rated_movies.csv"]


def test_the_config_of_the_study_wants_both() -> None:
    datasets = yaml.safe_load((ROOT / "configs" / "experiment.yaml").read_text())["datasets"]
    assert [(d["lexicon"], d["rated"]) for d in datasets] == [("vader", "vader_movies")]
    smoke = yaml.safe_load((ROOT / "configs" / "smoke.yaml").read_text())["datasets"]
    assert all("rated" not in d for d in smoke)  # a smoke run needs no download
    assert DatasetConfig(**json.loads(json.dumps(smoke[0]))).lexicon == "vader"
