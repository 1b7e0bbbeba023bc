"""`python -m openaisle` is the `openaisle` command."""

from openaisle.cli import main

if __name__ == "__main__":
    main()
