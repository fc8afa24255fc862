"""The suites, their metrics and statistics, and the gate: how far a run of the pipeline can be trusted."""
