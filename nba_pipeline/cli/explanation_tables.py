"""An explanation as tables for people."""

from rich.console import Console
from rich.table import Table

from nba_pipeline.operations.explanation import Explanation, Reasons

SHOWN_CONTRIBUTIONS = 15
"""Of a hundred inputs these carry nearly all; the rest is summed in one line, and `--json` has every one."""


def print_explanation(console: Console, found: Explanation) -> None:
    """Prints what was predicted, why, from which features, and from which box scores."""
    console.print(
        f"{found.player_name} ({found.player_id}), {found.team} against {found.opponent} on {found.game_date}: "
        f"{found.stat}",
        style="bold", highlight=False,
    )  # fmt: skip
    console.print(predictions_table(found))
    for reasons in found.reasons:
        console.print(contributions_table(reasons))
    console.print(features_table(found))
    console.print(box_scores_table(found))


def predictions_table(found: Explanation) -> Table:
    """The prediction of each system and setting that counts."""
    table = Table(title="predictions that count")
    for heading in ("system", "setting", "mode", "made at (UTC)", "model"):
        table.add_column(heading, overflow="fold")
    table.add_column("value", justify="right")
    for row in found.predictions:
        table.add_row(
            row["system_id"], row["setting"], row["mode"], f"{row['made_at']:%Y-%m-%d %H:%M}", row["model_version"],
            f"{row['predicted_value']:.2f}",
        )  # fmt: skip
    return table


def contributions_table(reasons: Reasons) -> Table:
    """The base value, the largest contributions and the sum."""
    table = Table(
        title=f"how {reasons.system_id} ({reasons.setting}) comes to {reasons.predicted_value:.2f}",
        caption=reasons.remark,
    )
    table.add_column("input", overflow="fold")
    table.add_column("value", justify="right")
    table.add_column("contribution", justify="right")
    table.add_row("base value", "", f"{reasons.base:+.3f}")
    for each in reasons.contributions[:SHOWN_CONTRIBUTIONS]:
        table.add_row(each.name, number(each.value), f"{each.contribution:+.3f}")
    others = reasons.contributions[SHOWN_CONTRIBUTIONS:]
    if others:
        table.add_row(f"{len(others)} others", "", f"{sum(each.contribution for each in others):+.3f}")
    table.add_row("sum", "", f"{reasons.total:.3f}", style="bold")
    return table


def features_table(found: Explanation) -> Table:
    """Every feature, with its quality, the newest game that it was made from, and what it means."""
    table = Table(title="features in the store")
    table.add_column("feature", overflow="fold")
    for heading in ("value", "quality"):
        table.add_column(heading, justify="right")
    table.add_column("as of", no_wrap=True)
    table.add_column("definition", overflow="fold")
    for each in found.features:
        as_of = str(each.as_of) if each.as_of else "-"
        table.add_row(each.name, number(each.value), str(each.quality), as_of, each.definition)
    return table


def box_scores_table(found: Explanation) -> Table:
    """The last games, and the landed response that each was parsed from."""
    table = Table(title="box scores behind them, newest first")
    table.add_column("date", no_wrap=True)
    table.add_column("against")
    for heading in ("minutes", found.stat.replace("_", " ")):
        table.add_column(heading, justify="right")
    table.add_column("landed response, SHA-256", overflow="fold")
    for each in found.box_scores:
        landed = f"{each.file}\n{each.sha256}" if each.file else "no landed response says what is published"
        table.add_row(str(each.game_date), each.opponent, number(each.minutes), number(each.value), landed)
    return table


def number(value: float | None) -> str:
    """A number as people read it; a dash where there is none."""
    return "-" if value is None else f"{value:.3f}".rstrip("0").rstrip(".")
