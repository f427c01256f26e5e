"""What the pipeline does by itself: it watches its own event log and says when a person is needed."""
