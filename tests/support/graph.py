"""The whole graph as plain data, for the snapshot that reviewers read: `PYTHONPATH=tests python -m support.graph >
tests/graph.yaml`.
"""

from typing import Any

import dagster as dg
import yaml

from emotion_pipeline.config.settings import Settings
from emotion_pipeline.definitions import build_defs


def describe(definitions: dg.Definitions) -> dict[str, Any]:
    """Return keys, groups, dependencies, checks, jobs, schedules and sensors, sorted."""
    repository = definitions.get_repository_def()
    graph = repository.asset_graph
    return {
        "assets": {
            key.to_user_string(): {
                "group": graph.get(key).group_name,
                "kinds": sorted(graph.get(key).kinds or ()),
                "owners": list(graph.get(key).owners),
                "partitions": str(graph.get(key).partitions_def) if graph.get(key).partitions_def else None,
                "pools": sorted(graph.get(key).pools or ()),
                "fresh": type(policy).__name__ if (policy := graph.get(key).freshness_policy) else None,
                "automation": condition.get_label() if (condition := graph.get(key).automation_condition) else None,
                "depends_on": sorted(parent.to_user_string() for parent in graph.get(key).parent_keys),
            }
            for key in sorted(graph.materializable_asset_keys)
        },
        "outside": {
            key.to_user_string(): {
                "group": graph.get(key).group_name,
                "kinds": sorted(graph.get(key).kinds or ()),
                "depends_on": sorted(parent.to_user_string() for parent in graph.get(key).parent_keys),
            }
            for key in sorted(graph.external_asset_keys)
        },
        "checks": {
            f"{key.asset_key.to_user_string()}.{key.name}": {
                "blocking": graph.get(key).blocking,
                "partitioned": graph.get(key).partitions_def is not None,
            }
            for key in sorted(graph.asset_check_keys, key=str)
        },
        "jobs": {
            job.name: sorted(key.to_user_string() for key in job.asset_layer.executable_asset_keys)
            for job in sorted(repository.get_all_jobs(), key=lambda job: job.name)
            if not job.name.startswith("__")
        },
        "schedules": {
            schedule.name: {
                "job": schedule.job_name,
                "cron": str(schedule.cron_schedule),
                "by_default": schedule.default_status.value,
            }
            for schedule in repository.schedule_defs
        },
        "sensors": {
            sensor.name: {
                "jobs": sorted(target.job_name for target in sensor.targets),
                "by_default": sensor.default_status.value,
            }
            for sensor in repository.sensor_defs
        },
    }


if __name__ == "__main__":
    print(yaml.safe_dump(describe(build_defs(Settings())), sort_keys=False, width=110))  # noqa: T201
