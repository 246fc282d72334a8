"""Quality and speed tables against baselines, one command each."""
