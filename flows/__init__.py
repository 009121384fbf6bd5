"""Thin Prefect flows over `tasks`, and the command line. Only this package imports Prefect."""
