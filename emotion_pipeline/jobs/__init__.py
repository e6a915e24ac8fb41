"""Says what runs and when: jobs, schedules, the sensor of arrivals, automation conditions, notices, Celery."""
