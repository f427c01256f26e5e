"""What is known to be wrong with the sources, for people, for scripts and for the documentation."""

from nba_pipeline.decisions.source_faults import as_markdown, source_faults
from nba_pipeline.monitoring.outcome import NotTriedError, Outcome, end, refusing, say


@refusing
def run_faults(*, markdown: bool, as_json: bool) -> int:
    """Prints the catalogue; it asks neither source nor warehouse."""
    if markdown and as_json:
        raise NotTriedError("--markdown or --json, not both")
    faults = source_faults()

    def print_it() -> None:
        if markdown:
            print(as_markdown(), end="")
            return
        for fault in faults:
            say([f"{fault.id} ({fault.source}): {fault.wrong}", f"    where: {fault.where}"])
            say([f"    here: {fault.effect}", f"    fixed by: {fault.repaired}; asking again heals it: {fault.heals}"])

    content = {"faults": [fault.model_dump(mode="json", exclude_none=True) for fault in faults]}
    return end(Outcome(), content, print_it, as_json=as_json)
