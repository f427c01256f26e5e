# Pandas types the result of every selection as a frame, a series or a scalar at once; to the type checker it is Any.
from typing import Any

def __getattr__(name: str) -> Any: ...
