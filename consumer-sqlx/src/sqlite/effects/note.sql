-- Keeps a line of evidence, if there is room. $2: the line, $3: how many bytes there may be.
UPDATE {prefix}external_effects
SET evidence = coalesce(evidence, '') || strftime('%Y-%m-%dT%H:%M:%SZ ', 'now') || $2 || char(10)
WHERE id = $1 AND length(CAST(coalesce(evidence, '') AS BLOB)) + length(CAST($2 AS BLOB)) < $3
