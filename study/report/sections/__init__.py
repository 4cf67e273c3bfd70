"""The page's sections, one a file: from `RunTables` to blocks; None where the run has nothing to show."""
