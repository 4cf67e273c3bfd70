"""To be written."""

from study.evaluation.setting import Evaluation, Tables


def measure_faithfulness(evaluation: Evaluation, row: int) -> Tables:  # noqa: ARG001
    return {}
