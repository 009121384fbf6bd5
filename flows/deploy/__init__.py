"""`foleygenex deploy`: work pools, deployments and automations on a Prefect server."""
