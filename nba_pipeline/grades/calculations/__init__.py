"""What the grades are shown as."""
