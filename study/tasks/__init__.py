"""Tasks whose right words and right heads are known: rule, texts, and a transformer set by hand to follow the rule.

A task is a `Task` (study.tasks.language): to add one, a file here and a line below.
"""

from study.registry import Registry

TASKS = Registry(
    "task",
    {
        "single": "study.tasks.single:TASK",
        "context": "study.tasks.context:TASK",
        "order": "study.tasks.order:TASK",
        "negation": "study.tasks.negation:TASK",
        "majority": "study.tasks.majority:TASK",
        "induction": "study.tasks.induction:TASK",
    },
)
