"""What is private in Dagster is used in one room, with a reason, and does what the pipeline takes it for."""

import ast
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import dagster as dg
import pytest
from dagster import DagsterEventType, DagsterInstance

import nba_pipeline
from nba_pipeline.assets.check_evaluations import record_by_date
from nba_pipeline.assets.run_failures import root_cause
from nba_pipeline.dagster_internals.event_log import (
    GRPC_INFO_TAG,
    TickStatus,
    completed_evaluations,
    entries_after,
    last_entry,
    newest_materializations,
    step_of,
)

PACKAGE = Path(nba_pipeline.__file__).parent
ADAPTER = PACKAGE / "dagster_internals"
CHECKED = [*PACKAGE.rglob("*.py"), *(PACKAGE.parent / "benchmarks").glob("*.py")]
SOURCES = {path: path.read_text("utf-8") for path in sorted(CHECKED) if ADAPTER not in path.parents}

NOT_DAGSTERS = {"_credentials"}
"""What is private in Google's client, of which the BigQuery warehouse says why it needs it."""

PRIVATE_WITHOUT_A_SIGN = {
    "event_log_storage", "run_storage", "schedule_storage", "step_context", "get_step_execution_context",
}  # fmt: skip
"""Attributes of Dagster's objects that are undocumented and lead into its modules, though their names do not say so."""

DAYS = dg.DailyPartitionsDefinition("2025-01-01", end_offset=1)
THING, CHECK = dg.AssetKey("thing"), dg.AssetCheckKey(dg.AssetKey("thing"), "it_is_well")


def private_imports(tree: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """The imports of what Dagster and what it brings along marks as private."""
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
        whole = [f"{node.module}.{name}" for name in names] if isinstance(node, ast.ImportFrom) else names
        if any(name.startswith("dagster") and "._" in name for name in whole):
            assert isinstance(node, ast.Import | ast.ImportFrom)
            yield node


def private_attributes(tree: ast.AST) -> Iterator[ast.Attribute]:
    """What is taken from an object though its name says that it is private, or is known to be.

    Two objects of a class that the module itself defines may know each other's.
    """
    nodes = list(ast.walk(tree))
    taken = [node for node in nodes if isinstance(node, ast.Attribute)]
    own = {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    own |= {node.attr for node in taken if isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")}
    for node in taken:
        private = node.attr.startswith("_") and node.attr.strip("_") and not node.attr.startswith("__")
        if (private and node.attr not in own | NOT_DAGSTERS) or node.attr in PRIVATE_WITHOUT_A_SIGN:
            yield node


def test_what_is_private_in_dagster_is_used_in_the_adapter_alone() -> None:
    wrong = [
        f"{path.relative_to(PACKAGE.parent)}, line {node.lineno}: {ast.unparse(node)}"
        for path, source in SOURCES.items()
        if "dagster" in source
        for tree in [ast.parse(source)]
        for node in (*private_imports(tree), *private_attributes(tree))
    ]
    assert wrong == [], "put it behind nba_pipeline/dagster_internals, with the reason"


@pytest.mark.parametrize(
    "source",
    [
        "from dagster._core.events import EngineEventData",
        "from dagster import _check as check",
        "import dagster._core.storage.tags",
        "import dagster_shared._model",
        "step = context.op_execution_context.get_step_execution_context()",
        "last = self._instance.event_log_storage.get_maximum_record_id()",
        "dg._core.instance",
        "context._step_execution_context",
    ],
)
def test_a_new_use_of_what_is_private_is_found(source: str) -> None:
    tree = ast.parse(source)
    assert [*private_imports(tree), *private_attributes(tree)]


@pytest.mark.parametrize("path", sorted(ADAPTER.glob("*.py")), ids=lambda path: path.stem)
def test_the_reason_stands_above_each_private_import(path: Path) -> None:
    lines = path.read_text("utf-8").splitlines()
    imports = list(private_imports(ast.parse("\n".join(lines))))
    assert [ast.unparse(node) for node in imports if not lines[node.lineno - 2].startswith("# ")] == []


@dg.asset(key=THING, partitions_def=DAYS)
def thing() -> None: ...


@dg.asset_check(asset=THING, name=CHECK.name, partitions_def=DAYS)
def it_is_well(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    found = {date.fromisoformat(day): dg.AssetCheckResult(passed=day != "2025-01-02") for day in context.partition_keys}
    record_by_date(step_of(context), CHECK, found)
    return dg.AssetCheckResult(passed=False)


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DagsterInstance]:
    """An instance on SQLite, with the materializations of three days, of which one was made twice."""
    with DagsterInstance.local_temp(str(tmp_path_factory.mktemp("dagster"))) as instance:
        for first, last in (("2025-01-01", "2025-01-03"), ("2025-01-02", "2025-01-02")):
            dg.materialize(
                [thing, it_is_well],
                instance=instance,
                tags={"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last},
            )
        yield instance


def test_the_newest_materialization_is_found_by_partition_and_position(instance: DagsterInstance) -> None:
    days = ["2025-01-01", "2025-01-02", "2025-01-04"]
    newest = newest_materializations(instance, THING, days)
    assert newest.keys() == {"2025-01-01", "2025-01-02"}
    assert newest["2025-01-02"] > newest["2025-01-01"]
    later = newest_materializations(instance, THING, days, after=newest["2025-01-01"])
    assert later == {"2025-01-02": newest["2025-01-02"]}


def test_evaluations_of_single_dates_name_their_newest_materialization(instance: DagsterInstance) -> None:
    newest = newest_materializations(instance, THING, ["2025-01-01", "2025-01-02"])
    for day, number in newest.items():
        evaluation = completed_evaluations(instance, CHECK, day, limit=1)[0].evaluation
        assert evaluation is not None
        assert evaluation.passed is (day != "2025-01-02")
        assert evaluation.target_materialization_data is not None
        assert evaluation.target_materialization_data.storage_id == number


def test_the_log_is_read_over_all_runs_in_its_order(instance: DagsterInstance) -> None:
    first = entries_after(instance, 0, DagsterEventType.ASSET_CHECK_EVALUATION, 3)
    rest = entries_after(instance, max(first), DagsterEventType.ASSET_CHECK_EVALUATION, 100)
    assert len(first) == 3
    assert min(rest) > max(first)
    assert last_entry(instance) >= max(rest)
    assert len({entry.run_id for entry in (*first.values(), *rest.values())}) == 2


def test_a_failure_is_told_without_the_name_of_its_class(tmp_path: Path) -> None:
    @dg.asset
    def fails() -> None:
        raise dg.Failure("the reason")

    with DagsterInstance.local_temp(str(tmp_path)) as instance:
        result = dg.materialize([fails], instance=instance, raise_on_error=False)
        (failed,) = instance.all_logs(result.run_id, of_type=DagsterEventType.STEP_FAILURE)
        assert failed.dagster_event is not None
        assert root_cause(failed.dagster_event.step_failure_data.error) == "the reason"


def test_ticks_and_the_code_server_have_the_names_that_are_stored() -> None:
    assert [TickStatus.SUCCESS.value, TickStatus.SKIPPED.value, TickStatus.FAILURE.value] == [
        "SUCCESS", "SKIPPED", "FAILURE",
    ]  # fmt: skip
    assert GRPC_INFO_TAG == ".dagster/grpc_info"


def test_the_lowest_dagster_that_is_allowed_is_one_that_is_tried() -> None:
    allowed = re.search(r'"dagster>=1\.13\.(\d+),<1\.14"', (PACKAGE.parent / "pyproject.toml").read_text("utf-8"))
    tried = re.search(r"^DAGSTER_BOUNDS \?= (\d+) \d+$", (PACKAGE.parent / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert allowed is not None
    assert tried is not None
    assert allowed[1] == tried[1]
