"""Section: what to use for which question, as far as the score card says."""

from __future__ import annotations

from study.report.blocks import Block, Bullets, Details, Paragraph, Section
from study.report.inputs import RunTables
from study.report.recommendations import advice_blocks

ABOUT = (
    "Each line is printed only where its first choice is clearly better in some task of the first rung that has the "
    "numbers, and worse in none; it says where a later rung shows no difference or the contrary. They are advice for "
    "models like these small ones, on tasks like these."
)


def build(run: RunTables) -> Section | None:
    """Advice with its numbers; folded, advice that this run contradicts. None for a run without a score card."""
    carried, contrary = advice_blocks(run)
    if not carried and not contrary:
        return None
    blocks: list[Block] = [Paragraph(ABOUT, tone="muted")]
    if carried:
        blocks.append(Bullets(tuple(carried), ordered=True))
    if contrary:
        blocks.append(Details("Advice that these numbers do not support", (Bullets(tuple(contrary)),)))
    return Section(name="recommendations", title="What to use for which question", short="Advice", blocks=tuple(blocks))
