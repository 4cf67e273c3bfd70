"""A user's own file: three formats, one corpus; every bad input has its documented outcome."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from study.config import DatasetConfig
from study.data import load_corpus
from study.errors import DataError

NOUNS = ["tea", "cake", "soup", "bread", "stew", "jam", "rice", "pie", "salad", "fish"]
ROWS = [(f"the {noun} was {word}", label) for noun in NOUNS for word, label in (("nice", "good"), ("burnt", "bad"))]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def load(path, **more):
    return load_corpus(DatasetConfig(name="food", source="files", path=path, validation_size=4, test_size=4, **more))


def write_csv(rows, path="food.csv", header="text,label"):
    Path(path).write_text("\n".join([header, *(",".join(row) for row in rows)]) + "\n", encoding="utf-8")
    return path


def write_jsonl(rows, path="food.jsonl"):
    Path(path).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def all_texts(corpus):
    return {
        i: (text, corpus.class_names[label])
        for part in (corpus.train, corpus.validation, corpus.test)
        for i, text, label in zip(part.example_id, part.text, part.label, strict=True)
    }


def message(call, *args, **more):
    with pytest.raises(DataError) as caught:
        call(*args, **more)
    return str(caught.value)


def test_three_formats_give_one_corpus():
    write_csv(ROWS)
    write_jsonl([{"text": text, "label": label} for text, label in ROWS])
    pd.DataFrame(ROWS, columns=["text", "label"]).to_parquet("food.parquet")
    csv, jsonl, parquet = (all_texts(load(f"food.{kind}")) for kind in ("csv", "jsonl", "parquet"))
    assert csv == jsonl == parquet
    assert csv["food-00001"] == ("the tea was nice", "good")
    assert csv["food-00020"] == ("the fish was burnt", "bad")


def test_class_names_are_sorted_and_the_card_counts():
    write_csv(ROWS)
    corpus = load("food.csv")
    assert corpus.class_names == ("bad", "good")  # the second is the positive side
    assert corpus.card == {
        "source": "food.csv",
        "sha256": hashlib.sha256(Path("food.csv").read_bytes()).hexdigest(),
        "n_rows": 20,
        "n_texts": 20,
        "dropped": {},
        "class_names": ["bad", "good"],
        "splits": {
            "train": {"bad": 6, "good": 6},
            "validation": {"bad": 2, "good": 2},
            "test": {"bad": 2, "good": 2},
        },
    }
    json.dumps(corpus.card)


def test_more_than_two_classes_and_own_columns_and_ids():
    rows = [(f"n{i}", f"{text} !", str(i % 3)) for i, (text, _) in enumerate(ROWS)]
    write_csv(rows, header="no,review,stars")
    corpus = load("food.csv", text_column="review", label_column="stars", id_column="no")
    assert corpus.class_names == ("0", "1", "2")
    assert all_texts(corpus)["n4"] == ("the soup was nice !", "1")


def test_labels_of_all_types_become_strings():
    kinds = [1, 1.0, "1", " 1 ", "01", True, -2]
    write_jsonl([{"text": f"{text} {k}", "label": label} for text, _ in ROWS for k, label in enumerate(kinds)])
    assert load("food.jsonl").class_names == ("-2", "01", "1", "True")


def test_a_parquet_column_of_whole_numbers_with_gaps_has_labels_without_points():
    table = pd.DataFrame({"text": [text for text, _ in ROWS], "label": [float(i % 2) for i in range(20)]})
    table.loc[3, "label"] = np.nan
    table.to_parquet("food.parquet")
    assert "row 4: the label is missing" in message(load, "food.parquet")
    assert load("food.parquet", on_bad_row="drop").class_names == ("0", "1")


def test_quoted_fields_may_hold_commas_quotation_marks_and_line_breaks():
    rows = [(f'"{text}, ""really""\nyes"', label) for text, label in ROWS]
    write_csv([*rows, ("fine", "good", "extra")])
    assert "line 42: 3 fields where the header has 2" in message(load, "food.csv")
    assert all_texts(load("food.csv", on_bad_row="drop"))["food-00001"][0] == 'the tea was nice, "really"\nyes'


def test_byte_order_mark_blank_lines_and_windows_line_ends():
    text = "text,label\r\n\r\n" + "\r\n\r\n".join(",".join(row) for row in ROWS)
    Path("food.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    Path("food.jsonl").write_bytes(
        b"\xef\xbb\xbf" + "\r\n\n".join(json.dumps({"text": t, "label": k}) for t, k in ROWS).encode()
    )
    assert all_texts(load("food.csv")) == all_texts(load("food.jsonl"))


def test_a_json_string_may_hold_unicode_line_ends():
    rows = [{"text": f"{text}\u2028\x85yes", "label": label} for text, label in ROWS]
    Path("food.jsonl").write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    assert load("food.jsonl").card["n_texts"] == 20


def test_text_is_data():
    write_csv([*ROWS, ("<script>alert(1)</script>", "bad"), ("null", "good"), ("NA", "good"), ("None", "bad")])
    texts = {text for text, _ in all_texts(load("food.csv")).values()}
    assert {"<script>alert(1)</script>", "null", "NA", "None"} <= texts


# ---- files that cannot be used as a whole


def test_no_path():
    assert "add `path: my_texts.csv`" in message(load, None)


def test_missing_file_names_the_directory_and_a_near_name(tmp_path):
    write_csv(ROWS)
    found = message(load, "fod.csv")
    assert "no file 'fod.csv'; did you mean 'food.csv'?" in found
    assert str(tmp_path) in found
    assert "did you mean" not in message(load, "nowhere/fod.csv")


def test_a_folder_is_no_file():
    Path("food.csv").mkdir()
    assert "cannot read 'food.csv'" in message(load, "food.csv")


@pytest.mark.parametrize("name", ["food.csv", "food.jsonl", "food.parquet"])
@pytest.mark.parametrize("content", [b"", b"\n  \n"])
def test_empty_file(name, content):
    Path(name).write_bytes(content)
    assert f"{name} is empty: give a file with a text and a label column" in message(load, name)


@pytest.mark.parametrize("name", ["food.txt", "food", "food.pkl"])
def test_unknown_extension(name):
    Path(name).write_text("text,label\n")
    found = message(load, name)
    assert f"'{Path(name).suffix or 'no extension'}': use one of .csv, .jsonl, .parquet" in found


def test_missing_column_names_the_columns_there_are():
    write_csv(ROWS, header="review,label")
    write_jsonl([{"review": text, "label": label} for text, label in ROWS])
    pd.DataFrame(ROWS, columns=["review", "label"]).to_parquet("food.parquet")
    for kind in ("csv", "jsonl", "parquet"):
        found = message(load, f"food.{kind}")
        assert f"food.{kind} has no column 'text'; it has: 'review', 'label'. Set text_column" in found
    assert "no column 'text' and no column 'id'" in message(load, "food.csv", id_column="id")


def test_a_column_that_stands_twice_and_one_column_for_two_things():
    write_csv([(*row, "x") for row in ROWS], header="text,label,label")
    assert "more than one column 'label'" in message(load, "food.csv")
    assert "must be different columns" in message(load, "food.csv", label_column="text")


def test_header_without_rows():
    write_csv([])
    assert "food.csv has no usable rows (nothing below the header)" in message(load, "food.csv")


@pytest.mark.parametrize("name", ["food.csv", "food.jsonl"])
def test_not_utf8_names_byte_and_line(name):
    Path(name).write_bytes(b"text,label\nfine,good\ncaf\xe9,bad\n")
    found = message(load, name)
    assert f"{name} is not UTF-8: byte 0xe9 at byte offset 24, line 3; convert it first" in found
    assert message(load, name, on_bad_row="drop") == found  # which rows it spoils cannot be known


def test_an_open_quotation_mark():
    write_csv([*ROWS, ('"never closed', "good"), ("more", "bad")])
    assert "food.csv, line 22: malformed CSV (unexpected end of data): check" in message(load, "food.csv")


def test_damaged_parquet():
    pd.DataFrame(ROWS, columns=["text", "label"]).to_parquet("food.parquet")
    Path("food.parquet").write_bytes(Path("food.parquet").read_bytes()[:-30])
    assert "food.parquet: not a readable Parquet file" in message(load, "food.parquet")


def test_one_class_only():
    write_csv([(text, "good") for text, _ in ROWS])
    found = message(load, "food.csv")
    assert "all 20 usable rows have the label 'good' in column 'label': a classifier needs two classes" in found


def test_a_class_too_small_for_every_split():
    write_csv([*ROWS, ("the ham was odd", "odd")])
    found = message(load, "food.csv")
    assert (
        "label not in training: too few texts to have one in training, validation and test for 'odd' (1 of 3" in found
    )


def test_too_few_rows_says_what_fits():
    write_csv(ROWS)
    config = DatasetConfig(name="food", source="files", path="food.csv")
    assert (
        "'food' has 20 usable texts: too few for validation_size 1000, test_size 1000 and at least 2 texts to train "
        "on. Sizes that fit: validation_size: 2, test_size: 2"
    ) in message(load_corpus, config)


# ---- rows that cannot be used

BAD_ROWS = [
    ({"text": "", "label": "good"}, "text empty", "the text is empty"),
    ({"text": " \t\u200b", "label": "good"}, "text empty", "the text is empty"),
    ({"text": None, "label": "good"}, "text missing", "the text is missing (NaN or null)"),
    ({"text": float("nan"), "label": "good"}, "text missing", "the text is missing (NaN or null)"),
    ({"label": "good"}, "text missing", "the text is missing (NaN or null)"),
    ({"text": 7, "label": "good"}, "text not a string", "the text is 7, not a string"),
    ({"text": ["x" * 99], "label": "good"}, "text not a string", "the text is ['xxxx"),
    ({"text": "fine", "label": None}, "label missing", "the label is missing (NaN or null)"),
    ({"text": "fine", "label": float("nan")}, "label missing", "the label is missing (NaN or null)"),
    ({"text": "fine", "label": float("inf")}, "label missing", "the label is missing (NaN or null)"),
    ({"text": "fine", "label": "  "}, "label empty", "the label is empty"),
    ({"text": "fine", "label": {"a": 1}}, "label not usable", "the label is {'a': 1}: wanted a string or number"),
    ({"text": "fine \ud800", "label": "good"}, "not Unicode", "a half of a surrogate pair"),
    ({"text": "The TEA was nice", "label": "bad"}, "same text, different labels", "one text with different labels"),
]


@pytest.mark.parametrize(("row", "reason", "detail"), BAD_ROWS)
def test_a_bad_row_is_told_or_dropped_and_counted(row, reason, detail):
    write_jsonl([*({"text": text, "label": label} for text, label in ROWS), row])
    found = message(load, "food.jsonl")
    assert f"line 21: {detail}" in found
    assert "Correct them, or set `on_bad_row: drop`" in found
    card = load("food.jsonl", on_bad_row="drop").card
    n = 2 if reason.startswith("same text") else 1  # which of the two labels is right cannot be known
    assert card["dropped"] == {reason: n}
    assert card["n_texts"] == 21 - n


@pytest.mark.parametrize(
    ("line", "detail"),
    [
        ('{"text": "fine", "label"', "not valid JSON (Expecting ':' delimiter"),
        ('["fine", "good"]', "not a JSON object"),
        ("[" * 100_000, "not valid JSON (maximum recursion"),
    ],
)
def test_malformed_json_line(line, detail):
    write_jsonl([{"text": text, "label": label} for text, label in ROWS])
    with Path("food.jsonl").open("a") as file:
        file.write(line + "\n")
    assert f"line 21: {detail}" in message(load, "food.jsonl")
    assert load("food.jsonl", on_bad_row="drop").card["dropped"] == {"malformed row": 1}


def test_a_file_of_malformed_lines_only():
    Path("food.jsonl").write_text("tea\ncake\n")
    assert "2 of 2 rows cannot be used" in message(load, "food.jsonl")
    assert "food.jsonl has no usable rows (2 malformed row)" in message(load, "food.jsonl", on_bad_row="drop")


def test_nan_and_blank_in_csv_and_parquet():
    write_csv([*ROWS, ("nan", "good"), ("fine", "NaN"), ("", "bad"), ("ok", "")])
    found = message(load, "food.csv")
    assert "line 22: the text is missing" in found
    assert "line 23: the label is missing" in found
    assert "line 24: the text is empty" in found
    assert "line 25: the label is empty" in found
    pd.DataFrame([*ROWS, (None, "good"), ("fine", None)], columns=["text", "label"]).to_parquet("food.parquet")
    found = message(load, "food.parquet")
    assert "row 21: the text is missing" in found
    assert "row 22: the label is missing" in found


def test_parquet_strings_that_are_not_utf8():
    import pyarrow as pa
    import pyarrow.parquet as pq

    raw = pa.array([*(text.encode() for text, _ in ROWS), b"caf\xe9"], type=pa.binary())
    texts = pa.Array.from_buffers(pa.string(), len(raw), raw.buffers())
    pq.write_table(pa.table({"text": texts, "label": [*(label for _, label in ROWS), "good"]}), "food.parquet")
    assert "row 21: a string that is not UTF-8" in message(load, "food.parquet")


def test_duplicate_missing_and_blank_ids():
    rows = [(str(i), text, label) for i, (text, label) in enumerate(ROWS)]
    write_csv([*rows, ("3", "another tea", "good"), ("", "one more tea", "good")], header="id,text,label")
    found = message(load, "food.csv", id_column="id")
    assert "line 22: id '3' is that of line 5" in found
    assert "line 23: the id is empty" in found
    corpus = load("food.csv", id_column="id", on_bad_row="drop")
    assert corpus.card["dropped"] == {"duplicate id": 1, "id empty": 1}
    assert all_texts(corpus)["3"] == ("the cake was burnt", "bad")  # the first keeps the id


def test_duplicate_texts_are_kept_once_and_counted():
    write_csv([*ROWS, ("The tea WAS nice", "good"), ("the  tea was nice", "good")])
    card = load("food.csv").card
    assert card["n_texts"] == 20
    assert card["dropped"] == {"duplicate text": 2}


def test_contradicting_labels_name_all_places():
    write_csv([*ROWS, ("the tea was nice", "bad")])
    found = message(load, "food.csv")
    assert "2 of 21 rows cannot be used" in found
    assert "line 2: one text with different labels: 'good' at line 2, 'bad' at line 22" in found
    assert "line 22: one text" in found


def test_all_bad_rows_are_told_at_once_in_order_the_first_20_in_full():
    write_csv([*ROWS, *[("", "good")] * 15, *[("x", "")] * 85, ("the tea was nice", "bad")])
    found = message(load, "food.csv").splitlines()
    assert found[0] == "food.csv: 102 of 121 rows cannot be used:"
    assert found[1].startswith("  line 2: one text with different labels")
    assert found[2:4] == ["  line 22: the text is empty", "  line 23: the text is empty"]
    assert found[20] == "  line 40: the label is empty"
    assert found[21] == "  and 82 more"
    assert len(found) == 23


def test_dropping_counts_by_reason_and_may_leave_too_little():
    write_csv([*ROWS, *[("", "good")] * 3, *[("x", "")] * 2])
    corpus = load("food.csv", on_bad_row="drop")
    assert corpus.card["dropped"] == {"label empty": 2, "text empty": 3}
    write_csv([("", "good")] * 3)
    assert "food.csv has no usable rows (3 text empty)" in message(load, "food.csv", on_bad_row="drop")


def test_text_of_one_word_and_of_punctuation_only_are_texts():
    write_csv([*ROWS, ("yes", "good"), ("?!", "bad")])
    assert load("food.csv").card["n_texts"] == 22


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=200), st.sampled_from([".csv", ".jsonl", ".parquet"]))
def test_any_bytes_are_data_or_a_data_error(content, extension):
    for start in (b"", b"text,label\n", b'{"text": "a", "label": "b"}\n', b"PAR1"):
        path = f"any{extension}"
        Path(path).write_bytes(start + content)
        with pytest.raises(DataError):  # too short to make a corpus whatever they are
            load(path, on_bad_row="drop")
