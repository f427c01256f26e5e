"""One run in a process of its own, so that it can be killed: takes an environment and a request as JSON."""

import json
import os
import socket
import sys


def main() -> None:
    """Runs what the request says, on the home and the server that the environment says."""
    os.environ |= json.loads(sys.argv[1])
    request = json.loads(sys.argv[2])

    import dagster as dg

    from nba_pipeline.definitions import definitions
    from nba_pipeline.monitoring.orphans import PROCESS_TAG
    from nba_pipeline.operations.runs import instance_of
    from nba_pipeline.runtime import Runtime
    from nba_pipeline.settings import Settings

    settings = Settings()
    with instance_of(settings) as instance:
        definitions(Runtime(settings)).resolve_implicit_global_asset_job_def().execute_in_process(
            instance=instance,
            asset_selection=[dg.AssetKey(path) for path in request["assets"]],
            partition_key=request["partition_key"],
            tags=request["tags"] | {PROCESS_TAG: f"{socket.gethostname()}:{os.getpid()}"},
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )


if __name__ == "__main__":
    main()
