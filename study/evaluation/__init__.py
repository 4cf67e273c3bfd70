"""Explanations put to the test: are they faithful, stable, and do they notice when the model knows nothing?

One file a question, each a function from (Evaluation, row) to rows of its tables, listed in `study.evaluation.rows`.
"""
