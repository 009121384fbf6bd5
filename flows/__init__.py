"""Thin Prefect flows over `tasks`, and the command line. Only this package imports Prefect."""

from data_contracts.secrets import mask_log_records

mask_log_records()  # of every process that runs a flow or a command, before anything is logged
