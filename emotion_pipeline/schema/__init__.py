"""What each table holds, and holding a frame to it."""
