"""Words x components: which words drive the margin, and through which heads."""
