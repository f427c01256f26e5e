"""What the documents claim is so."""

import re
from pathlib import Path

import pytest

from nba_pipeline.automation.schedules import schedules
from nba_pipeline.settings import Settings
from nba_pipeline_tests.support import pages
from nba_pipeline_tests.support.named_command import commands

ROOT = Path(__file__).parents[1]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
CODE = ("nba_pipeline", "nba_pipeline_tests", "benchmarks")
LONGEST_SENTENCE = 170
VERDICTS = {"impossible", "caught", "not ours"}
EXPECTED_INCIDENTS = [*(str(n) for n in range(1, 23)), "22b", *(str(n) for n in range(23, 46))]
EXPECTED_REQUIREMENTS = [str(n) for n in range(1, 21)]


def rows(section: str) -> list[list[str]]:
    """The cells of a section's table, a list a row."""
    return pages.rows_of_incidents()[section]


def test_every_incident_and_every_requirement_has_its_row() -> None:
    assert [row[0] for row in rows("Incidents")] == EXPECTED_INCIDENTS
    assert [row[0] for row in rows("Requirements")] == EXPECTED_REQUIREMENTS
    assert len(rows("The fix that failed, six ways")) == 6
    assert len(rows("The real calendar, and a source that is wrong")) == 20


@pytest.mark.parametrize("section", pages.rows_of_incidents())
def test_every_row_of_the_incidents_is_one_sentence_with_tests_behind_it(section: str) -> None:
    shown = pages.tests_of_incidents().get(section, {})
    assert shown.keys() <= {row[0] for row in rows(section)}, "incident_tests.toml has a row that the page has not"
    for row in rows(section):
        assert re.fullmatch(r"[^.].*\.", row[-1]), f"{row[0]}: no sentence: {row[-1]}"
        assert not re.search(r"\. [A-Z]", row[-1]), f"{row[0]}: more than one sentence: {row[-1]}"
        assert len(row[-1]) <= LONGEST_SENTENCE, f"{row[0]}: {len(row[-1])} characters"
        assert shown.get(row[0]) or "not ours" in row, f"{row[0]} has no test in incident_tests.toml"


def test_every_incident_and_every_requirement_has_a_verdict() -> None:
    for row in [*rows("Incidents"), *rows("Requirements")]:
        assert row[2] in VERDICTS, row


def test_every_test_that_a_document_names_exists_and_runs() -> None:
    tests = pages.named_tests()
    for document in DOCUMENTS:
        for name, campaign in re.findall(r"`(test_\w+)`(?:\]\([^)]+\))?(ᶜ?)", document.read_text()):
            assert name in tests, f"{document.name} names {name}, which does not exist"
            marks = " ".join(tests[name].marks)
            assert "skip" not in marks, name
            assert "xfail" not in marks, name
            assert tests[name].only_in_campaign == bool(campaign), f"{document.name}: {name}"


def test_every_incident_that_is_caught_says_after_how_long() -> None:
    for row in rows("Incidents"):
        assert bool(row[3]) == (row[2] == "caught"), row


def test_every_command_that_the_documents_name_exists() -> None:
    from typer.main import get_command

    from nba_pipeline.cli.app import app

    known = set(get_command(app).commands)  # type: ignore[attr-defined]
    for document in DOCUMENTS:
        for name in re.findall(r"nba-pipeline ([a-z][a-z-]+)", document.read_text()):
            assert name in known, f"{document.name} names `nba-pipeline {name}`"


def test_every_command_has_its_line_on_the_page_of_commands() -> None:
    page = (ROOT / "docs" / "commands.md").read_text()
    assert [name for name in sorted(commands()) if not re.search(rf"`(nba-pipeline )?{name}\b", page)] == []


def test_every_setting_is_documented_once() -> None:
    documented = re.findall(r"^\| `(\w+)`", (ROOT / "docs" / "settings.md").read_text(), re.M)
    fields = Settings.model_fields
    names = [str(field.validation_alias or f"NBA_PIPELINE_{name.upper()}") for name, field in fields.items()]
    assert sorted(documented) == sorted([*names, "DAGSTER_HOME"])


def test_a_setting_that_cannot_be_used_is_refused_with_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from typer.testing import CliRunner

    from nba_pipeline.cli.app import app

    monkeypatch.setenv("NBA_PIPELINE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NBA_PIPELINE_LOCK_WAIT_SECONDS", "soon")
    refused = CliRunner().invoke(app, ["gate", "overrides"])
    assert refused.exit_code == 2
    assert "NBA_PIPELINE_LOCK_WAIT_SECONDS" in refused.output
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    for target, _, heading in re.findall(r"\]\((?!http)([^)#]*)(#([^)]+))?\)", document.read_text()):
        page = document.parent / target if target else document
        assert page.exists(), f"{document.name} links to {target}"
        if heading:
            assert heading in headings(page), f"{document.name} links to {target}#{heading}"


def headings(page: Path) -> list[str]:
    """The fragments of a page that can be linked to."""
    return [pages.anchor(heading) for heading in re.findall(r"^#+ (.+)$", page.read_text(), re.M)]


@pytest.mark.parametrize(("page", "name"), pages.GENERATED, ids=str)
def test_what_is_generated_in_a_document_is_current(page: Path, name: str) -> None:
    assert pages.current(page, name) == page.read_text(), f"make it again: {pages.COMMAND}"


AREAS = [path for path in sorted((ROOT / "docs" / "decisions").glob("*.md")) if path.name != "README.md"]
PARTS = "".join(rf"- \*\*{part}:\*\* .+\n" for part in ("Context", "Decision", "Consequence"))
RECORD = re.compile(rf"\d{{4}}-\d{{2}}-\d{{2}}[^\n]*\n\n{PARTS}(\n\|.+)?\s*", re.S)


@pytest.mark.parametrize("area", AREAS, ids=lambda path: path.name)
def test_every_decision_has_a_date_a_context_and_a_consequence(area: Path) -> None:
    title, *records = area.read_text().split("\n## ")
    assert title.startswith("# Decisions: ")
    assert records
    for record in records:
        heading, text = record.split("\n", 1)
        assert RECORD.fullmatch(f"{text}\n"), f"{area.name}: {heading}"
        assert text.count("**Context:**") == 1, f"{area.name}: {heading}"
        if heading.endswith("(reversed)"):
            replaced_by = re.search(r"reversed [\d-]+ by \[.+?\]\(([^#)]+)#", text)
            assert replaced_by, f"{area.name}: {heading} names no record that replaced it"
            assert f"({area.name}#{pages.anchor(heading)})" in (area.parent / replaced_by[1]).read_text()


def test_every_name_of_the_glossary_is_a_name_in_the_code() -> None:
    code = "".join(path.read_text() for path in [*(ROOT / "nba_pipeline").rglob("*.py"), ROOT / "Makefile"])
    words = [line.split(" | ")[0] for line in (ROOT / "docs" / "glossary.md").read_text().splitlines()]
    names = [name for word in words if word.startswith("| ") for name in re.findall("`(.+?)`", word)]
    assert len(names) > 5
    for name in names:
        assert name in code, f"the glossary names `{name}`, which the code does not"


def test_the_night_of_the_architecture_page_has_the_times_of_the_schedules() -> None:
    crons = {schedule.name: schedule.cron_schedule for schedule in schedules(Settings())}
    night = (ROOT / "docs" / "architecture.md").read_text().split("\n## A night and a day\n")[1].split("\n## ")[0]
    steps = re.findall(r"^\| \d+ \| (\d\d):(\d\d) \| `(\w+)` \|", night, re.M)
    assert len(steps) > 10
    for hour, minute, name in steps:
        cron = crons[name]
        times = [cron] if isinstance(cron, str) else cron
        assert any(time.startswith(f"{int(minute)} {int(hour)} ") for time in times), (hour, minute, name, cron)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_python_file_that_a_document_names_exists(document: Path) -> None:
    files = [f"/{path.relative_to(ROOT)}" for folder in CODE for path in (ROOT / folder).rglob("*.py")]
    for name in re.findall(r"`([\w/]+\.py)\b(?!`, new:)", document.read_text()):
        assert any(file.endswith(f"/{name}") for file in files), f"{document.name} names {name}"
