"""An ensemble as a folder that runs without this project: programs, a script that runs them, and a
model card."""
