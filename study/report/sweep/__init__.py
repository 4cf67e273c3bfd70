"""The report of a sweep: one page over all its points, from the tables that its last stage gathered."""
