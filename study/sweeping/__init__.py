"""A sweep: SHAP and LIME on the same texts at every point of a grid, and what changes along each of its axes.

Axes: data sets, model sizes, training seeds, removal operators, evaluations a text. Every point is a task of its own;
what failed is a row of `points`, and the rest is compared all the same.
"""
