-- Keeps a line of evidence, if there is room. Parameters: the line, id, the line, how many bytes there may be.
UPDATE {prefix}external_effects
SET evidence = CONCAT(COALESCE(evidence, ''), DATE_FORMAT(UTC_TIMESTAMP(), '%Y-%m-%dT%TZ '), ?, '\n')
WHERE id = ? AND COALESCE(LENGTH(evidence), 0) + LENGTH(?) < ?
