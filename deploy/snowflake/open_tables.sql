-- Opens the tables of deployment prod to readers, once the first day has been written: first every column that holds
-- what people said is tagged, so that its policy masks it, only then the tables are granted. Run it as setup.sql, and
-- as often as you like; staging tables are granted to nobody.
USE ROLE ACCOUNTADMIN;
ALTER TABLE &{database}.&{schema}.TRANSCRIPTS
  MODIFY COLUMN TEXT SET TAG &{database}.GOVERNANCE.SPOKEN_WORDS = 'words';
ALTER TABLE &{database}.&{schema}.TRANSCRIPTS
  MODIFY COLUMN WORDS SET TAG &{database}.GOVERNANCE.SPOKEN_WORDS = 'words';
ALTER TABLE &{database}.&{schema}.SEGMENTS
  MODIFY COLUMN TEXT SET TAG &{database}.GOVERNANCE.SPOKEN_WORDS = 'words';
ALTER TABLE &{database}.&{schema}.TONE_SENTIMENT
  MODIFY COLUMN TRANSCRIPT SET TAG &{database}.GOVERNANCE.SPOKEN_WORDS = 'words';
GRANT SELECT ON TABLE &{database}.&{schema}.PUBLISHED_PARTITIONS TO ROLE &{database}_READER;
GRANT SELECT ON TABLE &{database}.&{schema}.RAW_AUDIO TO ROLE &{database}_READER;
GRANT SELECT ON TABLE &{database}.&{schema}.TRANSCRIPTS TO ROLE &{database}_READER;
GRANT SELECT ON TABLE &{database}.&{schema}.SEGMENTS TO ROLE &{database}_READER;
GRANT SELECT ON TABLE &{database}.&{schema}.LINGUISTIC_FEATURES TO ROLE &{database}_READER;
GRANT SELECT ON TABLE &{database}.&{schema}.TONE_SCORES TO ROLE &{database}_READER;
GRANT SELECT ON TABLE &{database}.&{schema}.SENTIMENT_SCORES TO ROLE &{database}_READER;
GRANT SELECT ON TABLE &{database}.&{schema}.EMOTION_LABELS TO ROLE &{database}_READER;
GRANT SELECT ON TABLE &{database}.&{schema}.TONE_SENTIMENT TO ROLE &{database}_READER;
GRANT SELECT ON TABLE &{database}.&{schema}.CONVERSATION_METRICS TO ROLE &{database}_READER;
