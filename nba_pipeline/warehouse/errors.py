"""What a warehouse raises. Apart from its interface, so that who only catches an error imports no engine."""


class WarehouseError(Exception):
    """The warehouse could not do what was asked; the message says what a person should do."""


class WarehouseBusyError(WarehouseError):
    """Another process held the warehouse for longer than a step may wait."""


class WarehouseUnavailableError(WarehouseError):
    """The warehouse could not be reached, after every attempt that made sense; what is asked again may be answered."""


class QueryError(WarehouseError):
    """A query failed, or took longer than it may; what it asked is unknown."""


class SchemaMismatchError(WarehouseError):
    """The table in the warehouse differs from its contract by more than added columns."""
