"""The checklist, the model card, the citation and the licence say what is there: files, commands, settings."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from study.cli import app
from study.config.loading import load_config
from study.model.encoder import Encoder
from study.running.plan import allowed_names

ROOT = Path(__file__).parent.parent
CARDS = ("REPRODUCIBILITY.md", "MODEL_CARD.md")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
MADE_BY_A_RUN = ("results/experiment/", "results/another-run/")
PATH = re.compile(
    r"\b(?:configs|data|docs|results|study|tests)/[\w./*-]*\w|[A-Z][A-Za-z_]+\.(?:md|cff|txt)\b|constraints\.txt"
)
CHECKLIST = (
    *("Claims", "Limitations", "Theory", "Experimental details", "Error bars", "Compute", "Code", "Data", "Ethics"),
)
MITCHELL = (
    *("Model details", "Intended use", "Factors", "Metrics", "Evaluation data", "Training data"),
    *("Quantitative analyses", "Ethical considerations", "Caveats and recommendations"),
)


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "parts"), [("REPRODUCIBILITY.md", CHECKLIST), ("MODEL_CARD.md", MITCHELL)])
def test_every_part_is_filled_in_order(name: str, parts: tuple[str, ...]) -> None:
    sections = re.split(r"^## (?:\d+\. )?", read(name), flags=re.M)[1:]
    assert len(sections) == len(parts)
    for section, part in zip(sections, parts, strict=True):
        title, _, body = section.partition("\n")
        assert title.startswith(part)
        assert len(body.split()) > 20, title


@pytest.mark.parametrize("name", CARDS)
def test_every_file_that_is_named_exists(name: str) -> None:
    found = PATH.findall(read(name))
    assert len(found) > 5
    for path in found:
        if not path.startswith(MADE_BY_A_RUN):
            assert (ROOT / path).exists(), path


def test_what_a_run_leaves_is_called_what_the_program_calls_it() -> None:
    """Names of files that only a run makes stand in the sources that write them."""
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "study").rglob("*.py"))
    named = {path for card in CARDS for path in PATH.findall(read(card)) if path.startswith(MADE_BY_A_RUN)}
    assert named
    for path in named:
        stem = Path(path).name.removesuffix(".md")
        assert stem in sources, path


@pytest.mark.parametrize("name", CARDS)
def test_every_command_and_target_exists(name: str) -> None:
    text = read(name)
    commands = set(get_command(app).commands)  # type: ignore[attr-defined]
    used = re.findall(r"(?:\.venv/bin/study|`study) ([a-z-]+)", text)
    assert set(used) <= commands
    helped = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    targets = set(re.findall(r"\bmake ([a-z][a-z-]+)`", text)) | set(re.findall(r"^make ([a-z-]+)", text, flags=re.M))
    assert targets
    for target in targets:
        assert f"make {target} " in helped, target


def test_sizes_of_the_models_are_those_of_the_config() -> None:
    """Parameters as the card counts them, for the vocabulary that it names."""
    config = load_config(ROOT / "configs" / "experiment.yaml", ["datasets.0.rated=null"], allowed_names())
    text = read("MODEL_CARD.md")
    n_words = int(re.search(r"([\d,]+) entries", text)[1].replace(",", ""))  # type: ignore[index]
    for model in config.models:
        encoder = Encoder(model, n_words, 2)
        count = sum(parameter.numel() for parameter in encoder.parameters())
        told = re.search(rf"\*\*{model.name}\*\*\s\([^)]*?([\d,]+) parameters", text)
        assert told is not None, model.name
        assert int(told[1].replace(",", "")) == count, f"{model.name}: {count:,}"
    assert f"{n_words * config.models[0].d_model:,} are word embeddings" in text


def test_settings_in_the_model_card_are_those_of_the_config() -> None:
    config = load_config(ROOT / "configs" / "experiment.yaml", ["datasets.0.rated=null"], allowed_names())
    text = " ".join(read("MODEL_CARD.md").split())
    training, model = config.training, config.models[0]
    told = (
        f"texts of up to {model.max_words} words",
        f"width {model.d_model}",
        f"MLPs of width {model.d_mlp}",
        f"batches of {training.batch_size}",
        f"dropout {model.dropout}",
        f"label smoothing {training.label_smoothing}",
        f"up to {100 * training.word_mask_rate:.0f} %",
        f"{config.datasets[0].test_size:,} sentences",
    )
    for part in told:
        assert part in text, part
    assert training.max_epochs == 6
    assert "at most six epochs" in text
    assert "Three training seeds" in text
    assert len(config.seeds) == 3


def test_the_same_accuracy_stands_in_the_readme() -> None:
    """One number, two places: updated together."""
    line = re.compile(r"^\| (mlp|attention-only|TF-IDF \+ logistic regression) \| (\S+ \[[^]]*\])", flags=re.M)
    rows = dict(line.findall(read("MODEL_CARD.md")))
    assert len(rows) == 3
    for value in rows.values():
        assert value in read("README.md"), value


def test_the_citation_is_that_of_this_version() -> None:
    citation = yaml.safe_load(read("CITATION.cff"))
    required = {"cff-version", "message", "title", "authors"}
    assert required <= set(citation)
    assert citation["cff-version"] == "1.2.0"
    assert str(citation["version"]) == PROJECT["version"]
    assert citation["license"] == PROJECT["license"] == "MIT"
    assert citation["authors"] == PROJECT["authors"] == [{"name": "The words-and-heads authors"}]
    assert citation["abstract"].strip()
    assert "doi" not in citation


def test_the_license_is_named_and_there() -> None:
    text = read("LICENSE")
    assert text.startswith("MIT License\n\nCopyright (c) The words-and-heads authors\n")
    assert 'THE SOFTWARE IS PROVIDED "AS IS"' in text
    for name in PROJECT["license-files"]:
        assert (ROOT / name).is_file()
