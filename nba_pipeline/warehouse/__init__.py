"""Where tables live: one interface, and write-audit-publish on top of it."""
