"""Quality and speed tables against baselines, one command each."""

from pipelines.threads import wait_passively

wait_passively()
