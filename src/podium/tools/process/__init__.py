"""Programs that tools start: without a shell, within limits, ended with all they have started."""
