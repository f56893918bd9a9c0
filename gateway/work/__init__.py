"""What runs without anybody looking: schedules, the queue of runs, and the worker."""
