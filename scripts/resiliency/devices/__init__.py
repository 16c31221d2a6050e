"""Where jobs run: the frame of every script, the machine, and the device of networks."""
