"""Figures: pure functions from tables to matplotlib figures, in one style, byte-stable as SVG."""
