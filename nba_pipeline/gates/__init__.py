"""What may flow on: the gates, the evidence that they judge by, deadlines, and people's overrides."""
