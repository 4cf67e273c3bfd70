"""Finished runs beside each other: what they were made from, and by how much their numbers differ."""
