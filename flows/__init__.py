"""When and in which order: thin Prefect flows over `tasks`, and the command line. Only this folder knows Prefect."""
