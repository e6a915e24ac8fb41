"""What several tests need to drive the real pipeline in a folder of their own. No assertion lives here."""
