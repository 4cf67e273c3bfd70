"""The library face: finished runs, and explanations of one's own texts with their models (exported by `study`)."""
