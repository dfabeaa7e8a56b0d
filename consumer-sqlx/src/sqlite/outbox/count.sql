-- Lock: the database's one write lock. $1: lane.
INSERT INTO {prefix}outbox_keys (lane, number) VALUES ($1, 1)
ON CONFLICT (lane) DO UPDATE SET number = number + 1
RETURNING number
