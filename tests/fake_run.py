"""`python fake_run.py RESULTS PACKAGE [YAML]`: the fake study as a process of its own, to be killed.

YAML: more of its config.
"""

from __future__ import annotations

import sys
from pathlib import Path

CONFIG = """
name: fake
seeds: [0, 1]
datasets: [{name: reviews, source: rotten_tomatoes}]
models: [{name: a}, {name: b, d_mlp: 0}]
"""


def main() -> int:
    from rich.console import Console  # here: the workers load this file anew, and need none of it

    from study.config.loading import parse_config
    from study.errors import StudyError
    from study.running.display import PlainDisplay
    from study.running.runs import run_study

    sys.path.insert(0, str(Path(__file__).parent))  # where the workers find fake_stages, too
    from fake_stages import STAGES

    results, package = Path(sys.argv[1]), Path(sys.argv[2])
    config = parse_config(CONFIG + "".join(sys.argv[3:]), "CONFIG")
    try:
        return run_study(
            config,
            results,
            PlainDisplay(Console()),
            stages=STAGES,
            package=package,
        )
    except StudyError as error:
        print(error, file=sys.stderr)
        return error.exit_status


if __name__ == "__main__":
    sys.exit(main())
