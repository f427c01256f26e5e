"""What several tables of analytics compute alike."""
