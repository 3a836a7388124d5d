"""Jobs: accepted once, queued, run one at a time, followed by events, ended by a receipt."""
