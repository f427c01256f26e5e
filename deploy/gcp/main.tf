locals {
  # The schemas of the pipeline's tables; a test compares them with the contracts.
  schemas = toset(["analytics", "operations", "precompute", "predictions", "raw"])

  services = toset(["bigquery.googleapis.com", "bigquerystorage.googleapis.com", "storage.googleapis.com"])

  staged_for_ms = 6 * 60 * 60 * 1000
}

resource "google_project_service" "used" {
  for_each = local.services

  service            = each.key
  disable_on_destroy = false
}

resource "google_service_account" "pipeline" {
  account_id   = var.service_account
  display_name = "nba_pipeline"
  description  = "Lands responses, makes tables and publishes predictions."
}

# Tables that are published. A dataset with tables in it is not destroyed.
resource "google_bigquery_dataset" "tables" {
  for_each = local.schemas

  dataset_id                 = "${var.dataset_prefix}_${each.key}"
  location                   = var.location
  description                = "nba_pipeline: ${each.key}"
  max_time_travel_hours      = 168
  delete_contents_on_destroy = false

  depends_on = [google_project_service.used]
}

# What is being made and audited. Whatever a killed step leaves deletes itself.
resource "google_bigquery_dataset" "staging" {
  dataset_id                  = "${var.dataset_prefix}_staging"
  location                    = var.location
  description                 = "nba_pipeline: rows that are not published yet"
  default_table_expiration_ms = local.staged_for_ms
  delete_contents_on_destroy  = true

  depends_on = [google_project_service.used]
}

# The account may write in these datasets and in no others, and cannot make new ones.
resource "google_bigquery_dataset_iam_member" "writes" {
  for_each = merge(google_bigquery_dataset.tables, { staging = google_bigquery_dataset.staging })

  dataset_id = each.value.dataset_id
  role       = "roles/bigquery.dataEditor"
  member     = google_service_account.pipeline.member
}

resource "google_bigquery_dataset_iam_member" "reads" {
  for_each = {
    for pair in setproduct(local.schemas, var.readers) : "${pair[0]} ${pair[1]}" => pair
  }

  dataset_id = google_bigquery_dataset.tables[each.value[0]].dataset_id
  role       = "roles/bigquery.dataViewer"
  member     = each.value[1]
}

# What the pipeline does beyond reading and writing tables: run jobs, list its own of the day for the budget, and
# fetch rows through the Storage API. No predefined role is as small.
resource "google_project_iam_custom_role" "runs_jobs" {
  role_id     = "nbaPipelineJobs"
  title       = "nba_pipeline: jobs"
  description = "Runs and lists jobs, and reads rows through the Storage API."
  permissions = [
    "bigquery.jobs.create",
    "bigquery.jobs.list",
    "bigquery.readsessions.create",
    "bigquery.readsessions.getData",
    "bigquery.readsessions.update",
  ]
}

resource "google_project_iam_member" "runs_jobs" {
  project = var.project
  role    = google_project_iam_custom_role.runs_jobs.name
  member  = google_service_account.pipeline.member
}

# The landing: every response as it came. It is what all tables can be made from again, so nothing of it is deleted.
resource "google_storage_bucket" "landing" {
  name                        = var.bucket
  location                    = var.location
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = false

  versioning {
    enabled = true
  }

  lifecycle_rule {
    action {
      type          = "SetStorageClass"
      storage_class = "NEARLINE"
    }
    condition {
      age                   = var.landing_days_at_hand
      matches_storage_class = ["STANDARD"]
    }
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      days_since_noncurrent_time = 30
      with_state                 = "ARCHIVED"
    }
  }

  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }
    condition {
      age = 7
    }
  }

  depends_on = [google_project_service.used]
}

# Objects are written under another name and renamed when they are whole, which deletes the first one.
resource "google_storage_bucket_iam_member" "lands" {
  bucket = google_storage_bucket.landing.name
  role   = "roles/storage.objectUser"
  member = google_service_account.pipeline.member
}
