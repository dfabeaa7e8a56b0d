//! What an auditor asks, in the words of each database.

/// Texts come as bytes, so that all three databases return the same types.
pub(super) struct Texts {
    /// The table of the business: no unique key, and no collation that could take two ids for one.
    pub(super) table: &'static str,
    pub(super) effects: &'static str,
    pub(super) claims: &'static str,
    /// Takes a consumer's name and a key of 16 bytes.
    pub(super) claimed: &'static str,
    /// Counts the rows of the outbox that are not sent.
    pub(super) unsent: &'static str,
    /// Counts the transactions that others have open.
    pub(super) open: &'static str,
    /// Counts the statements of others that wait for a lock.
    pub(super) waiting: &'static str,
}

pub(super) const POSTGRES: Texts = Texts {
    table: "CREATE TABLE effects (consumer text NOT NULL, id text NOT NULL, pid int NOT NULL)",
    effects: "SELECT convert_to(consumer, 'UTF8'), convert_to(id, 'UTF8') FROM effects",
    claims: "SELECT convert_to(c.name, 'UTF8'), uuid_send(p.event_key) \
             FROM processed_events p JOIN consumers c ON c.id = p.consumer_id",
    claimed: "SELECT COUNT(*) FROM processed_events p JOIN consumers c ON c.id = p.consumer_id \
              WHERE c.name = $1 AND p.event_key = encode($2, 'hex')::uuid",
    unsent: "SELECT COUNT(*) FROM outbox_events WHERE sent_at IS NULL",
    open: "SELECT COUNT(*) FROM pg_stat_activity \
           WHERE datname = current_database() AND state = 'idle in transaction'",
    waiting: "SELECT COUNT(*) FROM pg_stat_activity \
              WHERE datname = current_database() AND wait_event_type = 'Lock'",
};

pub(super) const MYSQL: Texts = Texts {
    table: "CREATE TABLE effects \
            (consumer varbinary(64) NOT NULL, id varbinary(255) NOT NULL, pid int NOT NULL)",
    effects: "SELECT consumer, id FROM effects",
    claims: "SELECT CAST(c.name AS BINARY), p.event_key \
             FROM processed_events p JOIN consumers c ON c.id = p.consumer_id",
    claimed: "SELECT COUNT(*) FROM processed_events p JOIN consumers c ON c.id = p.consumer_id \
              WHERE c.name = ? AND p.event_key = ?",
    unsent: "SELECT COUNT(*) FROM outbox_events WHERE sent_at IS NULL",
    open: "SELECT COUNT(*) FROM information_schema.innodb_trx t \
           JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id \
           WHERE p.db = DATABASE() AND p.id <> CONNECTION_ID()",
    waiting: "SELECT COUNT(*) FROM information_schema.innodb_trx t \
              JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id \
              WHERE p.db = DATABASE() AND t.trx_state = 'LOCK WAIT'",
};

pub(super) const SQLITE: Texts = Texts {
    table: "CREATE TABLE effects (consumer TEXT NOT NULL, id TEXT NOT NULL, pid INTEGER NOT NULL) STRICT",
    effects: "SELECT CAST(consumer AS BLOB), CAST(id AS BLOB) FROM effects",
    claims: "SELECT CAST(c.name AS BLOB), p.event_key \
             FROM processed_events p JOIN consumers c ON c.id = p.consumer_id",
    claimed: "SELECT COUNT(*) FROM processed_events p JOIN consumers c ON c.id = p.consumer_id \
              WHERE c.name = ? AND p.event_key = ?",
    unsent: "SELECT COUNT(*) FROM outbox_events WHERE sent_at_ms IS NULL",
    // Nobody can see them.
    open: "SELECT 0",
    waiting: "SELECT 0",
};
