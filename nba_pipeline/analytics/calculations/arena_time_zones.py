"""On which clock a team plays at home: the time zones of the thirty arenas."""

import ibis
import ibis.expr.types as ir

TEAMS_BY_HOURS_BEHIND_NEW_YORK = {
    0: ("ATL", "BKN", "BOS", "CHA", "CLE", "DET", "IND", "MIA", "NYK", "ORL", "PHI", "TOR", "WAS"),
    1: ("CHI", "DAL", "HOU", "MEM", "MIL", "MIN", "NOP", "OKC", "SAS"),
    2: ("DEN", "PHX", "UTA"),
    3: ("GSW", "LAC", "LAL", "POR", "SAC"),
}
"""The teams, by how many hours their clock is behind New York's in winter."""

WITHOUT_DAYLIGHT_SAVING = "PHX"
"""Arizona leaves its clocks alone: while the others save daylight, Phoenix is one hour further behind."""


def hours_behind_new_york(team: ir.StringValue, day: ir.DateValue) -> ir.IntegerValue:
    """Hours by which the clock of a team's arena is behind New York's on a date; null for teams not listed here."""
    winter = ibis.cases(
        *[(team.isin(teams), hours) for hours, teams in TEAMS_BY_HOURS_BEHIND_NEW_YORK.items()],
        else_=ibis.null("int64"),
    ).cast("int64")
    left_behind = (team == WITHOUT_DAYLIGHT_SAVING) & saves_daylight(day)
    return left_behind.ifelse(winter + 1, winter)


def saves_daylight(day: ir.DateValue) -> ir.BooleanValue:
    """Whether New York saves daylight in the evening of a date: second Sunday of March to first Sunday of November."""
    last_sunday = day.day() - (day.day_of_week.index() + 1) % 7
    return (
        day.month().between(4, 10)
        | ((day.month() == 3) & (last_sunday >= 8))
        | ((day.month() == 11) & (last_sunday < 1))
    )
