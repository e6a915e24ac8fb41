"""What whoever starts a run may ask of it: in the launchpad, below ``resources: launch: config:``.

One place for the whole run, whichever tables it makes; a run that nobody configures takes the defaults.
"""

import dagster as dg
from pydantic import Field


class Launch(dg.ConfigurableResource):
    """Options of one run, as in ``resources: {launch: {config: {max_recordings: 5, recompute: true}}}``."""

    max_recordings: int | None = Field(
        default=None,
        ge=1,
        description="Take in at most so many recordings of the day, the first by name, as a trial. The day's tables "
        "then hold no others, until a run without this takes in the whole day. Only raw_audio reads it; all recordings "
        "where it is unset.",
    )
    recompute: bool = Field(
        default=False,
        description="Compute again what the last run finished, too: for measurements, or where stored rows are not "
        "trusted. What raw_audio has from an address is fetched again. A new model needs no recompute, all of its rows "
        "are computed anyway.",
    )
