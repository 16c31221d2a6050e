"""Where networks run: the device, its share of jobs, and what it does with memory."""
