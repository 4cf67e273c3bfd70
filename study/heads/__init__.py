"""One score per head: what it writes, and (in later methods) what happens without it."""

from study.registry import Registry

HEAD_METHODS = Registry(
    "head method",
    {
        "direct_raw": "study.heads.direct:attribute_raw",
        "direct_centred": "study.heads.direct:attribute_centred",
    },
)
