"""What is kept, for how long, and what is given up: retention, one person's data, backups, pauses."""
