"""The jobs. Each runs in one process, so that models are loaded once; more at once means more runs, one a partition."""

from typing import Any, Final

import dagster as dg

from emotion_pipeline.assets.health import no_day_stays_failed
from emotion_pipeline.engine.stages.tables import STORED

# Looks at every day, so no day's own run waits for it.
_HEALTH: Final = dg.AssetSelection.checks(no_day_stays_failed)

_TABLES: Final = dg.AssetSelection.assets(*STORED) - _HEALTH
_MARTS: Final = dg.AssetSelection.groups("marts", "staging")


# The pod of a run that loads no model, where Kubernetes launches it; elsewhere nobody reads it. All other runs, those
# of backfills and of the UI included, may load models and get the pod that ``deploy/chart`` describes.
WITHOUT_MODELS: Final[dict[str, Any]] = {
    "dagster-k8s/config": {
        "merge_behavior": "SHALLOW",  # replaces what is said there, a GPU included
        "container_config": {"resources": {"requests": {"cpu": "500m", "memory": "2Gi"}, "limits": {"memory": "2Gi"}}},
        "pod_spec_config": {"node_selector": {}, "tolerations": []},
    }
}

# The tag in which a run says why it was started, for whoever reads the list of runs; one that a person starts has none.
WHY: Final = "why"

daily_emotion: Final = dg.define_asset_job(
    "daily_emotion",
    selection=_TABLES | _MARTS,
    description="Makes a day from its recordings to the marts: the whole graph in one process. What the sensor and the "
    "morning's schedule start; start it by hand for one day.",
)

tables_only: Final = dg.define_asset_job(
    "tables_only",
    selection=_TABLES,
    description="Makes a day's tables without the marts: for backfills of many days. Start marts_only when "
    "they are done.",
)

marts_only: Final = dg.define_asset_job(
    "marts_only",
    selection=_MARTS,
    description="Builds all marts anew from all days that the tables hold: after backfills, erasures and reviews.",
    tags=WITHOUT_MODELS,
)

health: Final = dg.define_asset_job(
    "health",
    selection=_HEALTH,
    description="Names the days that stay failed, over all tables: what the schedule every_hour starts.",
    tags=WITHOUT_MODELS,
)
