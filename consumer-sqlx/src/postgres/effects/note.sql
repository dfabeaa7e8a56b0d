-- Keeps a line of evidence, if there is room. $2: the line, $3: how many bytes there may be.
UPDATE {schema}{prefix}external_effects
SET evidence = coalesce(evidence, '')
    || to_char(statement_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z "') || $2 || E'\n'
WHERE id = $1 AND coalesce(octet_length(evidence), 0) + octet_length($2) < $3
