"""Where jobs run: what a script does around its work, the machine, and the device that networks run on."""
