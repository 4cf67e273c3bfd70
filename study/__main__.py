"""`python -m study` is `study`."""

from study.cli import main

if __name__ == "__main__":  # worker processes import this file too
    main()
