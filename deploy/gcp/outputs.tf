output "settings" {
  description = "What the pipeline's environment needs."
  value = {
    NBA_PIPELINE_WAREHOUSE         = "bigquery://${var.project}/${var.dataset_prefix}"
    NBA_PIPELINE_LANDING           = "gs://${google_storage_bucket.landing.name}/nba"
    NBA_PIPELINE_BIGQUERY_LOCATION = var.location
  }
}

output "service_account" {
  description = "The account to run as. Attach it to the machine; a key file is only for machines elsewhere."
  value       = google_service_account.pipeline.email
}
