-- What the dashboard needs as Streamlit in Snowflake: a pool of one small machine that it runs on, the way to the index
-- of Python packages, for which Snowflake has a rule, and the right to make the app. Run it as setup.sql, after it.
--
--   snow sql -f deploy/snowflake/dashboard.sql -D database=EMOTION -D schema=EMOTION -D dashboard_pool=EMOTION_DASHBOARD
USE ROLE ACCOUNTADMIN;
CREATE COMPUTE POOL IF NOT EXISTS &{dashboard_pool} MIN_NODES = 1 MAX_NODES = 1 INSTANCE_FAMILY = CPU_X64_XS
  AUTO_SUSPEND_SECS = 300 INITIALLY_SUSPENDED = TRUE COMMENT = 'The dashboard';
GRANT USAGE, MONITOR ON COMPUTE POOL &{dashboard_pool} TO ROLE &{database}_WRITER;
CREATE OR REPLACE EXTERNAL ACCESS INTEGRATION &{database}_PACKAGES
  ALLOWED_NETWORK_RULES = (SNOWFLAKE.EXTERNAL_ACCESS.PYPI_RULE) ENABLED = TRUE;
GRANT USAGE ON INTEGRATION &{database}_PACKAGES TO ROLE &{database}_WRITER;
USE ROLE SYSADMIN;
GRANT CREATE STREAMLIT ON SCHEMA &{database}.&{schema} TO ROLE &{database}_WRITER;
