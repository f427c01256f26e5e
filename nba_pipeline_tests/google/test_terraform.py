"""Terraform in deploy/gcp: well formed, whole in itself, of the datasets that there are, and with no role too many.

`terraform validate` needs Google's provider, which has to be fetched; what it would say of names is said here.
"""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from nba_pipeline.operations.warehouse_copying import copied_tables
from nba_pipeline.warehouse.operations_tables import PUBLISHED_PARTITIONS

FOLDER = Path(__file__).parents[2] / "deploy" / "gcp"
TEXT = "\n".join(path.read_text() for path in sorted(FOLDER.glob("*.tf")))
CODE = re.sub(r"#.*", "", TEXT)

ROLES = {"roles/bigquery.dataEditor", "roles/bigquery.dataViewer", "roles/storage.objectUser"}


def test_it_is_formatted_and_can_be_parsed():
    terraform = shutil.which("terraform")
    if terraform is None:
        pytest.skip("no terraform on PATH; install it to check deploy/gcp")
    done = subprocess.run(
        [terraform, "fmt", "-check", "-recursive", "-diff", str(FOLDER)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_datasets_are_the_schemas_of_the_contracts():
    found = re.search(r"schemas\s*=\s*toset\((\[.*?\])\)", CODE)
    assert found
    tables = (*copied_tables(), PUBLISHED_PARTITIONS)
    assert json.loads(found[1]) == sorted({table.schema_name for table in tables})


@pytest.mark.parametrize(
    ("used", "declared"),
    [
        (r"\bvar\.(\w+)", r'^variable "(\w+)"'),
        (r"\blocal\.(\w+)", r"^  (\w+)\s*= "),
        (r"\b(google_\w+\.\w+)\b(?!\.googleapis)", r'^resource "(google_\w+)" "(\w+)"'),
    ],
)
def test_whatever_is_named_is_declared(used, declared):
    names = {".".join(name) if isinstance(name, tuple) else name for name in re.findall(declared, CODE, re.M)}
    asked = set(re.findall(used, CODE))
    assert asked
    assert asked <= names


def test_every_variable_is_used_and_says_what_it_is_for():
    blocks = re.findall(r'^variable "(\w+)" \{(.*?)^\}', CODE, re.M | re.S)
    assert blocks
    for name, block in blocks:
        assert "description" in block, name
        assert re.search(rf"\bvar\.{name}\b", CODE.replace(block, "")), name


def test_no_role_lets_the_pipeline_do_more_than_it_needs():
    assert set(re.findall(r'"(roles/[\w.]+)"', CODE)) == ROLES
    permissions = re.search(r"permissions = (\[.*?\])", CODE, re.S)
    assert permissions
    granted = set(re.findall(r'"([\w.]+)"', permissions[1]))
    assert all(name.startswith(("bigquery.jobs.", "bigquery.readsessions.")) for name in granted)
    assert "bigquery.jobs.create" in granted


def test_the_landing_is_neither_public_nor_deleted():
    bucket = re.search(r'resource "google_storage_bucket" "landing" \{(.*?)^\}', CODE, re.M | re.S)
    assert bucket
    assert 'public_access_prevention    = "enforced"' in bucket[1]
    assert "force_destroy               = false" in bucket[1]
    deleted = re.findall(r'type = "Delete"\s*\}\s*condition \{(.*?)\}', bucket[1], re.S)
    assert deleted
    assert all("days_since_noncurrent_time" in condition for condition in deleted), "only versions that were replaced"
