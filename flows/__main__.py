"""`python -m flows` is the `foleygenex` command."""

from flows.cli import main

main()
