"""How a conversation went: who has which role, and what can be counted and measured of it."""
