"""StudyConfig: everything that decides a run's numbers, strictly checked.

Files and overrides are read by `study.config.loading`, which reports every mistake at its place.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

MOST_LETTERS = 64  # of a name
Name = Annotated[str, Field(pattern=rf"^[A-Za-z0-9][A-Za-z0-9_.-]{{0,{MOST_LETTERS - 1}}}$")]
Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]  # what numpy and torch both take
Measure = Literal["faithfulness", "stability", "sanity", "budgets", "additivity"]
Device = Annotated[str, Field(pattern=r"^(cpu|cuda(:[0-9]+)?)$")]


class Section(BaseModel):
    """A strict, frozen part of a config: unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class VocabularyConfig(Section):
    min_count: Count = 2  # in the training split
    max_size: Count = 30_000
    unlabelled_min_count: Count = 10  # in the unlabelled text, when word vectors are on


class WordVectorsConfig(Section):
    """Word vectors learned from unlabelled text, shared by all seeds (study.data.vectors)."""

    source: str = "imdb"  # a name in UNLABELLED
    window: Count = 5
    scale: Annotated[float, Field(gt=0)] = 0.3  # standard deviation of the vectors' entries
    seed: Seed = 0


class ShortcutConfig(Section):
    """Rare new words planted into a data set: they dictate the label of their texts (study.data.shortcuts)."""

    rule: Literal["single_token", "token_in_context", "ordered_pair"]
    words: Annotated[tuple[str, ...], Field(min_length=3, max_length=3)] = ("zelk", "vorn", "quib")  # in no text yet
    share: Annotated[float, Field(gt=0, le=0.5)] = 0.2  # of training and validation texts; as many get parts


class DatasetConfig(Section):
    name: Name
    source: str  # a name in DATASETS
    models: Annotated[tuple[str, ...], Field(min_length=1)] | None = None  # by name, those that run on it; else all
    split_seed: Seed = 0
    validation_size: Count = 1000
    test_size: Count = 1000
    max_train: Count | None = None  # keep the first so many training texts (smoke runs)
    vocabulary: VocabularyConfig = VocabularyConfig()
    word_vectors: WordVectorsConfig | None = None
    shortcut: ShortcutConfig | None = None
    lexicon: str | None = None  # a name in LEXICONS: words that people rated, for plausibility
    rated: str | None = None  # a name in RATED: held-out texts that people rated; `make data` fetches them
    task: str | None = None  # only for `source: planted`: a name in TASKS
    # only for `source: files`
    path: str | None = None  # relative to the folder the command runs in
    text_column: str = "text"
    label_column: str = "label"
    id_column: str | None = None
    on_bad_row: Literal["error", "drop"] = "error"

    def runs(self, model: str) -> bool:
        """Whether the model of this name is one of those that run on the data set."""
        return self.models is None or model in self.models


class TrainingConfig(Section):
    max_epochs: Count = 6
    min_steps: Annotated[int, Field(ge=0)] = 300  # more epochs where the texts are so few that this is not reached
    patience: Count = 3  # epochs without a better validation loss before training stops; grows with min_steps' epochs
    batch_size: Count = 64
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.1
    word_mask_rate: Annotated[float, Field(ge=0, le=1)] = 0.4  # highest; a text's rate is uniform below it
    truth_shown_rate: Annotated[float, Field(ge=0, le=1)] = 0.5  # share of texts whose known truth words are not masked


class ModelConfig(Section):
    name: Name
    family: str = "encoder"  # a name in MODELS
    n_layers: Count = 2
    n_heads: Count = 4
    d_model: Count = 64
    d_head: Count | None = None  # d_model / n_heads
    d_mlp: Annotated[int, Field(ge=0)] = 256  # 0: attention only
    layer_norm: bool = True
    max_words: Count = 60
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.3
    training: TrainingConfig | None = None  # of this model, in place of the config's own section
    n_seeds: Count | None = None  # run on so many of the study's seeds, the first ones; else on all
    # only for `family: circuit`, whose weights are set by hand for the task of the data set
    rotate: bool = False  # turn the residual stream's basis by a random orthogonal matrix, drawn by the seed
    weight_noise: Annotated[float, Field(ge=0)] = 0.0  # standard deviation added to every weight, in units of its own

    @model_validator(mode="after")
    def _heads_fit(self) -> ModelConfig:
        if self.d_head is None and self.d_model % self.n_heads:
            raise ValueError(
                f"d_model {self.d_model} does not divide by n_heads {self.n_heads}: choose a multiple or set d_head"
            )
        return self


class ExplainConfig(Section):
    n_texts: Count = 100  # test texts explained, drawn with the split seed; by default all where there are fewer
    methods: Annotated[tuple[str, ...], Field(min_length=1)] = (  # names in EXPLAINERS
        "shapley",
        "shap",
        "lime",
        "occlusion",
        "gradient_x_input",
        "integrated_gradients",
        "attention",
        "rollout",
        "random",
    )
    removal: str = "mask"  # a name in REMOVALS
    exact_limit: Annotated[int, Field(ge=0, le=16)] = 14  # words up to which Shapley values are exact
    shapley_evals: Annotated[int, Field(ge=16)] = 1024  # evaluations of `shapley` above that
    shap_evals: Annotated[int, Field(ge=16)] = 1024  # evaluations of the shap package above that
    lime_samples: Annotated[int, Field(ge=16)] = 1000
    ig_steps: Count = 32
    chunk_size: Count = 128  # coalitions in one forward pass
    reference_size: Count = 500  # training texts behind every reference mean; all of them where there are fewer
    untrained_texts: Annotated[int, Field(ge=0)] = 30  # texts explained once more on an untrained model


class HeadsConfig(Section):
    """What is done with the heads of every cell (stage `dissect`), on the texts of `explain`."""

    methods: Annotated[tuple[str, ...], Field(min_length=1)] = (  # names in HEAD_METHODS
        "direct_raw",
        "direct_centred",
        "direct_beyond_empty",
        "ablation_zero",
        "ablation_mean",
        "ablation_resample",
        "ablation_zero_pairs",
        "leave_one_out",
        "shapley",
        "lime",
        "shapley_margin",
        "attention_norm",
        "attention_confidence",
        "random",
    )
    groups: tuple[tuple[str, ...], ...] = ()  # heads ablated together, by name, beside pairs, layers and all
    exact_limit: Annotated[int, Field(ge=0, le=14)] = 12  # heads up to which their Shapley values are exact
    head_coalitions: Annotated[int, Field(ge=64)] = 512  # sampled above that
    lime_samples: Annotated[int, Field(ge=16)] = 1000
    resample_draws: Count = 8  # reference texts averaged by resample ablation
    causal_texts: Annotated[int, Field(ge=0)] = 40  # texts with a causal crosswalk; the first of those explained
    crosswalk_exact_words: Annotated[int, Field(ge=0, le=12)] = 9
    crosswalk_word_coalitions: Annotated[int, Field(ge=64)] = 512  # sampled above that
    crosswalk_exact_heads: Annotated[int, Field(ge=0, le=12)] = 8
    crosswalk_head_coalitions: Annotated[int, Field(ge=32)] = 136  # sampled above that
    patching_texts: Annotated[int, Field(ge=0)] = 40  # texts compared with a twin that differs in one word
    top_neurons: Count = 12  # of each MLP, split over words
    top_paths: Count = 12  # of each text, listed
    fresh_texts: Annotated[int, Field(ge=0)] = 500  # test texts not explained, on which verdicts on heads are tried


class ConvergenceConfig(Section):
    """How fast samplers come near the exact values (stage `converge`), where all coalitions can be evaluated."""

    datasets: tuple[str, ...] = ()  # by name; none: nothing is measured
    models: tuple[str, ...] = ()  # by name; none: all models of those data sets
    n_texts: Count = 6  # test texts of every data set
    n_words: Annotated[int, Field(ge=4, le=18)] = 18  # texts of exactly so many words, or of all where all are shorter
    evaluations: Annotated[tuple[Count, ...], Field(min_length=1)] = (64, 128, 256, 512, 1024, 2048)
    repeats: Count = 5  # of every sampler on every text, with new randomness
    samplers: tuple[str, ...] = ()  # names in SAMPLERS; none: all of them

    def covers(self, dataset: str, model: str) -> bool:
        """Whether the samplers are measured on this model of this data set, by name."""
        return dataset in self.datasets and (not self.models or model in self.models)


class EvaluateConfig(Section):
    """How explanations are put to the test (stage `evaluate`), on the first of the texts that are explained."""

    measures: tuple[Measure, ...] = ("faithfulness", "stability", "sanity", "budgets", "additivity")  # none: no stage
    n_texts: Count = 40  # texts evaluated; all that are explained where there are fewer
    removals: Annotated[tuple[str, ...], Field(min_length=1)] = ("mask", "delete", "resample")  # names in REMOVALS
    explained_under: tuple[str, ...] = ("delete",)  # operators under which SHAP and LIME explain once more
    infidelity_samples: Count = 100  # random removals behind one infidelity
    repeats: Annotated[int, Field(ge=2)] = 5  # of SHAP and LIME with new randomness
    edits: Annotated[int, Field(ge=0)] = 3  # one-word edits of a text that keep its prediction
    sanity_texts: Annotated[int, Field(ge=0)] = 10  # texts explained again while weights are randomised
    shuffled_labels: bool = True  # for `sanity`: train every model once more on shuffled labels
    additivity_masks: Annotated[int, Field(ge=64)] = 500  # held-out masks behind the additive share of a text
    fixed_evals: Annotated[int, Field(ge=64)] = 512  # the budget that does not grow with the text (hypothesis H6)
    evals_per_word: Annotated[int, Field(ge=8)] = 24  # the one that does


class HypothesisConfig(Section):
    """One hypothesis, fixed before the run: what is claimed stands in study.metrics.hypotheses under its name."""

    name: Literal["H1", "H2", "H3", "H4", "H5", "H6"]
    smallest_effect: Annotated[float, Field(gt=0)]  # of interest, in the units of the claim
    equivalence_band: Annotated[float, Field(gt=0)] = 0.1  # within it an effect counts as none


# Smallest effects are the design's. So is the band of H1; for H2 to H6 it states none, and theirs are the study's own
# choice, made before the runs: 0.1 as for H1, and half the smallest effect for H6, whose units are others.
HYPOTHESES = (
    HypothesisConfig(name="H1", smallest_effect=0.3),
    HypothesisConfig(name="H2", smallest_effect=0.1),
    HypothesisConfig(name="H3", smallest_effect=0.3),
    HypothesisConfig(name="H4", smallest_effect=0.1),
    HypothesisConfig(name="H5", smallest_effect=0.3),
    HypothesisConfig(name="H6", smallest_effect=0.02, equivalence_band=0.01),
)


class SweepConfig(Section):
    """The axes of a sweep beside data sets, models and seeds: how SHAP and LIME are asked (`study sweep`)."""

    removals: Annotated[tuple[str, ...], Field(min_length=1)] = ("mask",)  # names in REMOVALS
    budgets: Annotated[tuple[Annotated[int, Field(ge=64)], ...], Field(min_length=1)] = (512,)  # evaluations a text
    n_texts: Count = 40  # test texts of every point


class CompareConfig(Section):
    top_k: Annotated[tuple[Count, ...], Field(min_length=1)] = (1, 3, 5)
    level: Annotated[float, Field(gt=0, lt=1)] = 0.95


class ReportConfig(Section):
    sections: tuple[str, ...] = ()  # names in SECTIONS; none: all that have something to show
    n_texts: Count = 8  # texts shown in full


class RuntimeConfig(Section):
    engine: Literal["processes", "dask"] = "processes"  # what performs the stages
    scheduler: str | None = None  # a running dask cluster, tcp://host:8786
    workers: Count = 2  # processes; each uses one thread
    device: Device = "cpu"
    dtype: Literal["float32", "float64"] = "float32"


class StudyConfig(Section):
    """A whole study: datasets x models x seeds, each cell trained, explained and compared alike."""

    name: Name
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)]
    datasets: Annotated[tuple[DatasetConfig, ...], Field(min_length=1)]
    models: Annotated[tuple[ModelConfig, ...], Field(min_length=1)]
    training: TrainingConfig = TrainingConfig()
    explain: ExplainConfig = ExplainConfig()
    heads: HeadsConfig = HeadsConfig()
    convergence: ConvergenceConfig = ConvergenceConfig()
    evaluate: EvaluateConfig = EvaluateConfig()
    hypotheses: tuple[HypothesisConfig, ...] = HYPOTHESES
    sweep: SweepConfig | None = None  # only for `study sweep`
    compare: CompareConfig = CompareConfig()
    report: ReportConfig = ReportConfig()
    runtime: RuntimeConfig = RuntimeConfig()

    def training_of(self, model: ModelConfig) -> TrainingConfig:
        """How a model is trained: its own section, or that of the whole study."""
        return model.training or self.training
