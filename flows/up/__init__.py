"""`foleygenex up` and `foleygenex down`: a Prefect server and its workers on this machine."""
