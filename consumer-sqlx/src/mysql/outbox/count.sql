-- Lock: the rows of the lanes, in the order in which they follow, held to the commit. A row follows this text for each
-- lane, and then what happens to a lane that is there.
INSERT INTO {prefix}outbox_keys (lane, number) VALUES
