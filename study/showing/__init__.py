"""Explanations of one's own texts as people see them: on the terminal, as a page, as JSON lines."""
