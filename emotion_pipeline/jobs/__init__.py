"""When and what runs: jobs, the daily schedule, the sensor that watches the dated folders. Deciding is pure functions;
Dagster asks them.
"""
