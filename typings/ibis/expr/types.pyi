# Ibis annotates its expressions too narrowly for its own documented use; to the type checker it is Any.
from typing import Any

def __getattr__(name: str) -> Any: ...
