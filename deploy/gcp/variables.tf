variable "project" {
  description = "Project in which everything is made."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "A project's id has 6 to 30 lower-case letters, digits and hyphens, and begins with a letter."
  }
}

variable "location" {
  description = "Where BigQuery keeps the datasets and the bucket lies; NBA_PIPELINE_BIGQUERY_LOCATION says the same."
  type        = string
  default     = "US"
}

variable "dataset_prefix" {
  description = "First part of every dataset's name, as in NBA_PIPELINE_WAREHOUSE=bigquery://PROJECT/PREFIX."
  type        = string
  default     = "nba"

  validation {
    condition     = can(regex("^[A-Za-z][A-Za-z0-9_]*$", var.dataset_prefix))
    error_message = "The prefix has letters, digits and underscores, and begins with a letter."
  }
}

variable "bucket" {
  description = "Name of the landing's bucket, as in NBA_PIPELINE_LANDING=gs://BUCKET/PREFIX; unique in all of Google."
  type        = string
}

variable "service_account" {
  description = "Account that the pipeline runs as."
  type        = string
  default     = "nba-pipeline"
}

variable "readers" {
  description = "Who may read the tables, for example group:analysts@example.com."
  type        = set(string)
  default     = []
}

variable "landing_days_at_hand" {
  description = "Days after which landed responses go to a cheaper class. They are read again only by a backfill."
  type        = number
  default     = 90
}
