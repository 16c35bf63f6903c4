"""`python -m hemoflow` is the `hemoflow` command."""

from hemoflow.cli import main

main()
