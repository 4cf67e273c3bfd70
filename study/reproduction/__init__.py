"""The smoke study again, and whether its numbers are those that are kept in results/reference."""
