"""One module per group of `foleygenex` commands; `flows/cli.py` registers them."""
