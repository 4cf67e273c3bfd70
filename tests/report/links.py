"""What a page shows beside its script, and links whose target it does not have."""

from __future__ import annotations

import re


def without_scripts(html: str) -> str:
    """The page as a reader without scripts has it."""
    return re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL)


def dead_links(html: str) -> set[str]:
    """The anchors that the page links to and nothing on it has; addresses of texts need an explorer to open them."""
    page = without_scripts(html)
    ids, targets = (set(re.findall(pattern, page)) for pattern in (r'\bid="([^"]*)"', r'href="#([^"]*)"'))
    texts = {target for target in targets if target.startswith("text=")}
    return targets - ids - (texts if 'id="explore"' in html else set())
