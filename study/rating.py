"""How the models and baselines of a run answer texts that people rated (stages `rate` and `baseline`).

The rated sentences come from where rotten_tomatoes comes from: they are held out, but of the same kind. Being right on
them says that a model learned what such sentences say, to people other than those who gave the stars. It is no evidence
that the model would be right on texts of another kind.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from study.artefacts import load_encoder
from study.config import DatasetConfig
from study.data import rated_source
from study.data.batch import make_batch
from study.data.rated import RatedTexts
from study.data.words import split_words
from study.errors import DataError
from study.model.baseline import majority_class, tfidf_margin
from study.model.training import predict_logits
from study.preparing import given, model_source, place, read_data
from study.records import Corpus, LabelledTexts
from study.stages import StageContext


def rate_with_model(context: StageContext) -> pd.DataFrame:
    """One row a rated text: example_id, rating (mean over people), margin of the cell's model (logits), predicted.

    Raises: DataError as `held_out_texts`.
    """
    corpus, vocabulary = read_data(context)
    texts = held_out_texts(given(context.dataset), corpus)
    weights = context.folder / "model.safetensors"
    model = place(context, load_encoder(weights, model_source(context, corpus, vocabulary)))
    labelled = LabelledTexts(
        example_id=texts.example_id, text=texts.text, label=(texts.rating > 0).astype(np.int64)
    )  # a rating of 0 is no label; nothing reads it
    logits = predict_logits(model, make_batch(labelled, vocabulary, given(context.model).max_words))
    margin = logits[:, 1].astype(np.float64) - logits[:, 0]
    return _frame(texts).assign(margin=margin, predicted=logits.argmax(1))


def rate_with_baselines(dataset: DatasetConfig, corpus: Corpus) -> pd.DataFrame:
    """One row a rated text: example_id, rating, and of every baseline the predicted class and `<baseline>_margin`.

    The majority class has no margin (NaN); that of TF-IDF with logistic regression is in log-odds. It gets the texts
    cut into words as the models do, so that marks stand apart as they do in rotten_tomatoes.

    Raises: DataError as `held_out_texts`.
    """
    texts = held_out_texts(dataset, corpus)
    margin = tfidf_margin(corpus, [" ".join(split_words(text)) for text in texts.text])
    return _frame(texts).assign(
        majority=majority_class(corpus),
        majority_margin=np.nan,
        tfidf_logreg=(margin > 0).astype(np.int64),
        tfidf_logreg_margin=margin,
    )


def held_out_texts(dataset: DatasetConfig, corpus: Corpus) -> RatedTexts:
    """The rated texts of a data set, without those that its models were trained or chosen on.

    None of rotten_tomatoes is among the rated ones; a user's own file of film reviews may hold some, which are told
    by their words.

    Raises: DataError when their file is missing or another one; where there are not two classes; where none is left.
    """
    if corpus.n_classes != 2:
        raise DataError(
            f"data set '{dataset.name}' has {corpus.n_classes} classes, but the ratings of '{dataset.rated}' say only "
            "negative or positive: remove `rated` from the data set"
        )
    texts = rated_source(given(dataset.rated)).load()
    seen = {tuple(split_words(text)) for part in (corpus.train, corpus.validation) for text in part.text}
    rows = [row for row, text in enumerate(texts.text) if tuple(split_words(text)) not in seen]
    if not rows:
        raise DataError(f"data set '{dataset.name}' holds every text of '{dataset.rated}': remove `rated` from it")
    return texts.take(rows)


def _frame(texts: RatedTexts) -> pd.DataFrame:
    return pd.DataFrame({"example_id": texts.example_id, "rating": texts.rating})
