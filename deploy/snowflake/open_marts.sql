-- Opens the marts of deployment prod to readers, once they have been built: first every column that holds what people
-- said is tagged, so that its policy masks it, only then the marts are granted. Run it as setup.sql, as often as you
-- like, and again when the columns of a mart have changed, because such a mart is made anew without tags and grants.
USE ROLE ACCOUNTADMIN;
ALTER TABLE &{database}.MARTS_&{schema}.FCT_SEGMENTS
  MODIFY COLUMN TEXT SET TAG &{database}.GOVERNANCE.SPOKEN_WORDS = 'words';
ALTER TABLE &{database}.MARTS_&{schema}.FCT_RECORDINGS
  MODIFY COLUMN TRANSCRIPT SET TAG &{database}.GOVERNANCE.SPOKEN_WORDS = 'words';
ALTER TABLE &{database}.MARTS_&{schema}.FCT_TURNS
  MODIFY COLUMN TEXT SET TAG &{database}.GOVERNANCE.SPOKEN_WORDS = 'words';
ALTER TABLE &{database}.MARTS_&{schema}.REVIEW_QUEUE
  MODIFY COLUMN TEXT SET TAG &{database}.GOVERNANCE.SPOKEN_WORDS = 'words';
ALTER TABLE &{database}.MARTS_&{schema}.FCT_REVIEWS
  MODIFY COLUMN TEXT SET TAG &{database}.GOVERNANCE.SPOKEN_WORDS = 'words';
ALTER TABLE &{database}.MARTS_&{schema}.FCT_REVIEWS
  MODIFY COLUMN NOTE SET TAG &{database}.GOVERNANCE.SPOKEN_WORDS = 'words';
GRANT SELECT ON TABLE &{database}.MARTS_&{schema}.FCT_SEGMENTS TO ROLE &{database}_READER;
GRANT SELECT ON TABLE &{database}.MARTS_&{schema}.FCT_RECORDINGS TO ROLE &{database}_READER;
GRANT SELECT ON TABLE &{database}.MARTS_&{schema}.DAILY_TONE_SENTIMENT TO ROLE &{database}_READER;
GRANT SELECT ON TABLE &{database}.MARTS_&{schema}.TONE_TIMELINE TO ROLE &{database}_READER;
GRANT SELECT ON TABLE &{database}.MARTS_&{schema}.FCT_COSTS TO ROLE &{database}_READER;
GRANT SELECT ON TABLE &{database}.MARTS_&{schema}.FCT_CALLS TO ROLE &{database}_READER;
GRANT SELECT ON TABLE &{database}.MARTS_&{schema}.FCT_TURNS TO ROLE &{database}_READER;
GRANT SELECT ON TABLE &{database}.MARTS_&{schema}.SPEAKER_DAY TO ROLE &{database}_READER;
GRANT SELECT ON TABLE &{database}.MARTS_&{schema}.WEEKLY_TREND TO ROLE &{database}_READER;
GRANT SELECT ON TABLE &{database}.MARTS_&{schema}.REVIEW_QUEUE TO ROLE &{database}_READER;
GRANT SELECT ON TABLE &{database}.MARTS_&{schema}.FCT_REVIEWS TO ROLE &{database}_READER;
