"""NBA box scores to graded player predictions, as Dagster assets partitioned by game date."""
