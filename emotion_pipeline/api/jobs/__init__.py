"""Jobs: recordings that are analysed in worker processes, after their request was answered."""
