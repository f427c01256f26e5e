"""Several commands at once on a home that does not exist yet."""

import multiprocessing
from multiprocessing.synchronize import Barrier
from pathlib import Path

from nba_pipeline.operations.runs import instance_of
from nba_pipeline.settings import Settings

COMMANDS = 3


def open_with_the_others(home: Path, ready: Barrier) -> None:
    ready.wait(120)
    with instance_of(Settings(home=home)) as instance:
        assert instance.get_runs_count() == 0


def test_commands_that_begin_at_once_on_a_new_home_all_open_it(tmp_path: Path) -> None:
    spawned = multiprocessing.get_context("spawn")
    for attempt in range(2):
        ready = spawned.Barrier(COMMANDS)
        commands = [
            spawned.Process(target=open_with_the_others, args=(tmp_path / str(attempt), ready)) for _ in range(COMMANDS)
        ]
        for command in commands:
            command.start()
        for command in commands:
            command.join(120)
        assert [command.exitcode for command in commands] == [0] * COMMANDS
