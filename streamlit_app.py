"""What Streamlit in Snowflake runs (``snowflake.yml``): the dashboard, with the settings beside this file."""

import os
import runpy
from pathlib import Path

os.environ.setdefault("EMOTION_CONFIG", str(Path(__file__).with_name("config.yaml")))
runpy.run_module("dashboard.app")
