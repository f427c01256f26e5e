"""What the replay server answers is what the source's own description of its API says.

The description is the source's, and no part of this project. Without it these tests skip themselves; where it is,
schemathesis makes requests from it, as it says them and about games that there are, and judges the answers.
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.specs.openapi.schemas import OpenApiSchema

from nba_pipeline.league.faults import FAULTS
from nba_pipeline.league.model import League
from nba_pipeline.league.server import LeagueServer

DESCRIPTION = Path(
    os.environ.get("NBA_PIPELINE_TEST_OPENAPI")
    or Path(__file__).parents[3] / "shared" / "source-shapes" / "balldontlie_openapi_nba.yml"
)

SERVED = (
    "/nba/v1/teams", "/nba/v1/teams/{id}", "/nba/v1/players", "/nba/v1/players/{id}", "/nba/v1/players/active",
    "/nba/v1/games", "/nba/v1/games/{id}", "/nba/v1/stats", "/nba/v1/box_scores", "/nba/v1/player_injuries",
    "/nba/v2/odds", "/nba/v2/odds/player_props",
)  # fmt: skip
"""Of the description, what the replay server answers."""

NULL_THOUGH_NOT_DESCRIBED = {"NBAPlayer": ("college", "draft_year", "draft_round", "draft_number", "team")}
"""Where the server answers null and the description has no null: who did not go to college, was not drafted or is on no
roster has none, and the source's own client takes null for these."""

EVENING = datetime(2025, 12, 4, 1, tzinfo=UTC)
"""Some games of the date are in progress, and some have not begun, so that there are lines."""

KEY = {"Authorization": "k"}
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
A_FEW = settings(
    max_examples=25,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)


@pytest.fixture(scope="module")
def described(league: League) -> OpenApiSchema:
    """The description, with the nulls that it lacks, and parameters that also name what there is."""
    if not DESCRIPTION.exists():
        pytest.skip(f"no description of the source at {DESCRIPTION}; set NBA_PIPELINE_TEST_OPENAPI to its file")
    raw = schemathesis.openapi.from_path(DESCRIPTION).raw_schema
    schemas = raw["components"]["schemas"]
    for name, fields in NULL_THOUGH_NOT_DESCRIBED.items():
        for field in fields:
            properties = schemas[name]["properties"]
            properties[field] = {"anyOf": [properties[field], {"type": "null"}]}
    naming_what_exists(raw, league)
    return schemathesis.openapi.from_dict(raw)


def naming_what_exists(raw: dict[str, Any], league: League) -> None:
    """Lets parameters name what the league has, and one thing that it has not: at random they would name nothing."""
    near = league.games[(league.games["game_date"] - EVENING.date()).abs() <= timedelta(days=1)]
    ids, later = near["game_id"].tolist(), near[near["tipoff_at"] > EVENING]["game_id"].tolist()
    days = sorted({str(day) for day in near["game_date"]})
    players = league.box[league.box["game_id"].isin(later[:1])]["player_id"].tolist()
    teams = sorted(league.by_team)
    known = {
        "dates[]": days, "date": days, "start_date": days, "end_date": days, "game_ids[]": ids, "game_ids": later,
        "game_id": later[:2], "player_ids[]": players, "player_id": players, "team_ids[]": teams, "seasons[]": [2025],
        "division": ["Atlantic", "Pacific"], "conference": ["East", "West"],
        "/nba/v1/teams/{id}": teams, "/nba/v1/players/{id}": players, "/nba/v1/games/{id}": ids,
    }  # fmt: skip
    places = [("", raw["components"]["parameters"].values())]
    places += [(path, item["get"].get("parameters", [])) for path, item in raw["paths"].items()]
    for path, parameters in places:
        for parameter in parameters:
            name = parameter.get("name")
            values = known.get(path if name == "id" else name)
            if values:
                unknown = 999_999 if isinstance(values[0], int) else "1999-01-01"
                schema = parameter["schema"]
                holder, key = (schema, "items") if schema.get("type") == "array" else (parameter, "schema")
                holder[key] = {"enum": [*values, unknown]}


@pytest.fixture(scope="module")
def evening(league: League) -> Iterator[LeagueServer]:
    """The league in the middle of an evening."""
    with LeagueServer(league, now=EVENING) as server:
        yield server


def answers(described: OpenApiSchema, path: str, server: LeagueServer) -> list[requests.Response]:
    """The answers to requests that schemathesis makes, each of them judged. Raises `FailureGroup` for one that is not
    as described."""
    found = []
    with requests.Session() as session:

        @A_FEW
        @given(case=described[path]["GET"].as_strategy())
        def ask(case: Case) -> None:
            response = case.call(base_url=server.url, session=session, headers=KEY)
            case.validate_response(response, checks=CHECKS)
            found.append(response)

        ask()
    return found


@pytest.mark.parametrize("path", SERVED)
def test_every_answer_is_as_the_source_describes_it(described, evening, path):
    found = [answer.json().get("data") for answer in answers(described, path, evening) if answer.status_code == 200]
    assert any(found), "no request was about anything: the answers say nothing"


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("/nba/v1/games", {"kind": "extra_field", "field": "period", "value": "fourth"}),
        ("/nba/v1/stats", {"kind": "extra_field", "field": "pts", "value": "many"}),
        ("/nba/v1/teams", {"kind": "challenge", "code": 418}),
    ],
)
def test_an_answer_that_is_not_as_described_is_found(described, league, path, rule):
    with (
        LeagueServer(league, now=EVENING, faults=FAULTS.validate_python([rule])) as server,
        pytest.raises(FailureGroup),
    ):
        answers(described, path, server)


def test_the_nulls_that_the_description_lacks_are_there(evening):
    url = f"{evening.url}/nba/v1/players"
    players = requests.get(url, params={"per_page": 100}, headers=KEY, timeout=10).json()["data"]
    for field in NULL_THOUGH_NOT_DESCRIBED["NBAPlayer"]:
        assert any(player[field] is None for player in players), f"{field} is an exception that nothing needs"


def test_the_rest_of_the_description_is_not_served(described, evening):
    for path in set(described) - set(SERVED):
        answer = requests.get(f"{evening.url}{path.format(type='x', category='x')}", headers=KEY, timeout=10)
        assert answer.status_code == 404, path
