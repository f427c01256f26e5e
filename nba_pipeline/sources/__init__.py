"""Where data comes from: exact answers are landed first and parsed from there. One file a source."""
