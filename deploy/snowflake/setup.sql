-- What the pipeline needs in a Snowflake account, with no more rights than it needs. Run it as often as you like:
--
--   snow sql -f deploy/snowflake/setup.sql -D database=EMOTION -D schema=EMOTION -D warehouse=EMOTION_WH \
--     -D credits=20 -D pool=EMOTION_GPU
--   snowsql -f deploy/snowflake/setup.sql -o variable_substitution=true -D database=EMOTION ... (the same)
--
-- as somebody who may use the roles USERADMIN, SYSADMIN and ACCOUNTADMIN. Readers see nothing yet: open_tables.sql
-- opens the tables to them once the first day has been written, open_marts.sql the marts once they have been built.

-- Roles: who writes, who develops, who reads, who may read what people said ------------------------------------------
USE ROLE USERADMIN;
CREATE ROLE IF NOT EXISTS &{database}_WRITER COMMENT = 'The pipeline in production';
CREATE ROLE IF NOT EXISTS &{database}_DEVELOPER COMMENT = 'Branch and local deployments: schemas of their own';
CREATE ROLE IF NOT EXISTS &{database}_READER COMMENT = 'Reads the tables, not what people said';
CREATE ROLE IF NOT EXISTS &{database}_TRANSCRIPT_READER COMMENT = 'Reads what people said, too';
GRANT ROLE &{database}_READER TO ROLE &{database}_TRANSCRIPT_READER;
GRANT ROLE &{database}_READER TO ROLE &{database}_DEVELOPER;

-- Compute: a warehouse that sleeps when nobody asks, and a limit to what it may cost ---------------------------------
USE ROLE ACCOUNTADMIN;
CREATE RESOURCE MONITOR IF NOT EXISTS &{warehouse}_MONITOR
  WITH CREDIT_QUOTA = &{credits} FREQUENCY = MONTHLY START_TIMESTAMP = IMMEDIATELY
  TRIGGERS ON 75 PERCENT DO NOTIFY ON 100 PERCENT DO SUSPEND ON 110 PERCENT DO SUSPEND_IMMEDIATE;
CREATE WAREHOUSE IF NOT EXISTS &{warehouse} WITH WAREHOUSE_SIZE = 'XSMALL' AUTO_SUSPEND = 60 AUTO_RESUME = TRUE
  INITIALLY_SUSPENDED = TRUE COMMENT = 'Writes and reads of the pipeline';
ALTER WAREHOUSE &{warehouse} SET RESOURCE_MONITOR = &{warehouse}_MONITOR;
GRANT USAGE ON WAREHOUSE &{warehouse} TO ROLE &{database}_WRITER;
GRANT USAGE ON WAREHOUSE &{warehouse} TO ROLE &{database}_READER;

-- A pool of one GPU machine for the models, and where their image lies -----------------------------------------------
CREATE COMPUTE POOL IF NOT EXISTS &{pool} MIN_NODES = 1 MAX_NODES = 1 INSTANCE_FAMILY = GPU_NV_S
  AUTO_SUSPEND_SECS = 300 INITIALLY_SUSPENDED = TRUE COMMENT = 'Transcription and emotion models';
GRANT USAGE, MONITOR ON COMPUTE POOL &{pool} TO ROLE &{database}_WRITER;

-- Database and schemas: the tables, and apart from them what guards them ---------------------------------------------
USE ROLE SYSADMIN;
CREATE DATABASE IF NOT EXISTS &{database} COMMENT = 'Speech emotion analytics';
CREATE SCHEMA IF NOT EXISTS &{database}.&{schema} WITH MANAGED ACCESS COMMENT = 'The tables of deployment prod';
CREATE SCHEMA IF NOT EXISTS &{database}.MARTS_&{schema} WITH MANAGED ACCESS COMMENT = 'The marts of deployment prod';
CREATE SCHEMA IF NOT EXISTS &{database}.GOVERNANCE WITH MANAGED ACCESS COMMENT = 'Tags, policies, network rules';
CREATE SCHEMA IF NOT EXISTS &{database}.INTAKE WITH MANAGED ACCESS COMMENT = 'Recordings, and images of the pipeline';
CREATE STAGE IF NOT EXISTS &{database}.INTAKE.RECORDINGS
  DIRECTORY = (ENABLE = TRUE) ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')
  COMMENT = 'Dated folders of recordings: snowflake://@&{database}.INTAKE.RECORDINGS';
CREATE IMAGE REPOSITORY IF NOT EXISTS &{database}.INTAKE.IMAGES;

GRANT USAGE ON DATABASE &{database} TO ROLE &{database}_WRITER;
GRANT USAGE ON DATABASE &{database} TO ROLE &{database}_READER;
GRANT USAGE ON SCHEMA &{database}.&{schema} TO ROLE &{database}_WRITER;
GRANT USAGE ON SCHEMA &{database}.&{schema} TO ROLE &{database}_READER;
GRANT CREATE TABLE ON SCHEMA &{database}.&{schema} TO ROLE &{database}_WRITER;
GRANT CREATE STAGE ON SCHEMA &{database}.&{schema} TO ROLE &{database}_WRITER;
GRANT USAGE ON SCHEMA &{database}.MARTS_&{schema} TO ROLE &{database}_WRITER;
GRANT USAGE ON SCHEMA &{database}.MARTS_&{schema} TO ROLE &{database}_READER;
GRANT CREATE TABLE ON SCHEMA &{database}.MARTS_&{schema} TO ROLE &{database}_WRITER;
GRANT CREATE VIEW ON SCHEMA &{database}.MARTS_&{schema} TO ROLE &{database}_WRITER;
GRANT USAGE ON SCHEMA &{database}.INTAKE TO ROLE &{database}_WRITER;
GRANT READ ON STAGE &{database}.INTAKE.RECORDINGS TO ROLE &{database}_WRITER;
GRANT READ ON IMAGE REPOSITORY &{database}.INTAKE.IMAGES TO ROLE &{database}_WRITER;
GRANT CREATE SERVICE ON SCHEMA &{database}.INTAKE TO ROLE &{database}_WRITER;
GRANT CREATE SCHEMA ON DATABASE &{database} TO ROLE &{database}_DEVELOPER;

-- The way out: the hosts that models and services are fetched from, and no others ------------------------------------
CREATE OR REPLACE NETWORK RULE &{database}.GOVERNANCE.MODELS_AND_SERVICES MODE = EGRESS TYPE = HOST_PORT
  VALUE_LIST = ('huggingface.co:443', 'cdn-lfs.huggingface.co:443',
    'openaipublic.azureedge.net:443', 'api.assemblyai.com:443')
  COMMENT = 'Weights of models; the transcription service, where it is chosen';
USE ROLE ACCOUNTADMIN;
CREATE OR REPLACE EXTERNAL ACCESS INTEGRATION &{database}_MODELS_AND_SERVICES
  ALLOWED_NETWORK_RULES = (&{database}.GOVERNANCE.MODELS_AND_SERVICES) ENABLED = TRUE;
GRANT USAGE ON INTEGRATION &{database}_MODELS_AND_SERVICES TO ROLE &{database}_WRITER;

-- Cortex, where sentiment.backend or transcription.method asks for it: accounts may have taken it from PUBLIC ----------
GRANT DATABASE ROLE SNOWFLAKE.CORTEX_USER TO ROLE &{database}_WRITER;
GRANT DATABASE ROLE SNOWFLAKE.CORTEX_USER TO ROLE &{database}_DEVELOPER;
GRANT USE AI FUNCTIONS ON ACCOUNT TO ROLE &{database}_WRITER;
GRANT USE AI FUNCTIONS ON ACCOUNT TO ROLE &{database}_DEVELOPER;

-- What people said: a tag on its columns, and a policy on the tag ----------------------------------------------------
CREATE TAG IF NOT EXISTS &{database}.GOVERNANCE.SPOKEN_WORDS COMMENT = 'What people said, redacted or not';
CREATE MASKING POLICY IF NOT EXISTS &{database}.GOVERNANCE.MASK_TEXT AS (words VARCHAR) RETURNS VARCHAR ->
  CASE
  WHEN IS_ROLE_IN_SESSION('&{database}_WRITER') OR IS_ROLE_IN_SESSION('&{database}_TRANSCRIPT_READER') THEN words
  ELSE '[MASKED]' END;
CREATE MASKING POLICY IF NOT EXISTS &{database}.GOVERNANCE.MASK_LIST AS (words VARIANT) RETURNS VARIANT ->
  CASE
  WHEN IS_ROLE_IN_SESSION('&{database}_WRITER') OR IS_ROLE_IN_SESSION('&{database}_TRANSCRIPT_READER') THEN words
  ELSE PARSE_JSON('[]') END;
ALTER TAG &{database}.GOVERNANCE.SPOKEN_WORDS
  SET MASKING POLICY &{database}.GOVERNANCE.MASK_TEXT, MASKING POLICY &{database}.GOVERNANCE.MASK_LIST FORCE;
