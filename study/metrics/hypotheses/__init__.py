"""The hypotheses of the study, H1 to H6: claims made before a run, and what its tables say of them.

Each is a `Hypothesis` in a file of its own and a line below; `study.metrics.hypotheses.judge` turns them into the table
`hypotheses`. To add one: a file, a line here, and its name in study.config.HypothesisConfig.
"""

from study.registry import Registry

HYPOTHESES = Registry(
    "hypothesis",
    {
        "H1": "study.metrics.hypotheses.h1:HYPOTHESIS",
        "H2": "study.metrics.hypotheses.h2:HYPOTHESIS",
        "H3": "study.metrics.hypotheses.h3:HYPOTHESIS",
        "H4": "study.metrics.hypotheses.h4:HYPOTHESIS",
        "H5": "study.metrics.hypotheses.h5:HYPOTHESIS",
        "H6": "study.metrics.hypotheses.h6:HYPOTHESIS",
    },
)
