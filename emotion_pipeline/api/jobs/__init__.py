"""Jobs: recordings whose analysis outlives the request that asked for it.

``records`` says what is stored, ``store`` how a job moves from one state to the next. ``worker`` does the work in a
process of its own, ``supervisor`` starts workers and hears from them. ``webhook`` tells another server that a job
ended.
"""
