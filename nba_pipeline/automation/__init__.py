"""What runs by itself: sensors, schedules and self-heal, three triggers of one reconciler."""
