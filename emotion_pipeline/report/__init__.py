"""What people look at: the marts asked in SQL, drawn as charts, and a call as a player with its transcript.

The dashboard shows the things of this room. It reads and never writes; pages and their widgets are the dashboard's.
"""
