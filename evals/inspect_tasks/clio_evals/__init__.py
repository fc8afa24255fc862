"""What Inspect finds under the name `clio_evals`: the tasks, and the providers `recorded` and `local`."""
