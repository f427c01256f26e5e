"""`serve-league`: a league from the options of the command, served until it is interrupted."""

import socket
from datetime import UTC, datetime
from pathlib import Path

import uvicorn
from rich.console import Console

from nba_pipeline.clock import game_date_of, season_of
from nba_pipeline.league.faults import Fault, FaultError, FaultFileError, read_faults
from nba_pipeline.league.model import League
from nba_pipeline.league.parquet_seasons import read_seasons
from nba_pipeline.league.server import LeagueClock, create_app
from nba_pipeline.league.simulation import simulate
from nba_pipeline.settings import Plan


class OptionError(ValueError):
    """The options of the command do not go together; the message says what to change."""


def serve_league(
    *,
    simulate_seed: int | None,
    data: Path | None,
    port: int,
    now: datetime | None,
    faults: Path | None,
    plan: Plan | None,
) -> None:
    """Serves on loopback until it is interrupted; says where once it answers.

    Raises `OptionError` when there is not exactly one league to serve or the port is taken, and what
    `read_seasons` and `read_faults` raise.
    """
    league = league_of(simulate_seed, data, now)
    rules: list[Fault] = read_faults(faults) if faults else []
    try:
        app = create_app(league, clock=LeagueClock(now), faults=rules, plan=plan)
    except FaultError as error:
        raise FaultFileError(f"{faults}, {error}") from error
    try:
        listener = socket.create_server(("127.0.0.1", port))
    except OSError as error:
        raise OptionError(
            f"port {port} of 127.0.0.1 cannot be had ({error.strerror}); choose another: --port"
        ) from error
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    Console().print(f"{len(league.games)} games at {url} (any key is good; BALLDONTLIE_API_URL={url})", soft_wrap=True)
    uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off")).run(sockets=[listener])


def league_of(simulate_seed: int | None, data: Path | None, now: datetime | None) -> League:
    """The league that the options ask for: the season of the clock and the one before, or the files."""
    if data is not None and simulate_seed is None:
        return read_seasons(data)
    if simulate_seed is not None and data is None:
        season = season_of(game_date_of(now or datetime.now(UTC)))
        return simulate(simulate_seed, [season - 1, season])
    raise OptionError("give either --simulate SEED or --data DIR")
