//! A row of the effect ledger as its columns hold it.

use std::time::Duration;

use consumer_core::{
    effect::{
        EffectId, EffectRecord, EffectRow, EffectState, IdempotencyKey, Intent, LONGEST, MAX_EVIDENCE,
        Moment, Origin,
    },
    inbox::ConsumerId,
    message::ClaimKey,
};
use uuid::Uuid;

/// Rows of one insert: far below the number of parameters that a database takes.
#[cfg(any(feature = "mysql", feature = "sqlite"))]
pub(crate) const BATCH: usize = 1_000;

/// What the statements of all databases select, under these names.
pub(crate) struct Columns {
    pub(crate) id: Vec<u8>,
    pub(crate) consumer_id: i32,
    pub(crate) event_key: Vec<u8>,
    pub(crate) effect: String,
    pub(crate) label: String,
    pub(crate) moment: String,
    pub(crate) idempotency_key: String,
    pub(crate) request: Vec<u8>,
    pub(crate) origin: String,
    pub(crate) state: String,
    pub(crate) fence: i64,
    pub(crate) attempts: i32,
    pub(crate) uncertain: bool,
    pub(crate) compensated: bool,
    pub(crate) settled: bool,
    pub(crate) result: Option<Vec<u8>>,
    pub(crate) error: Option<String>,
    pub(crate) evidence: Option<String>,
    pub(crate) age_us: i64,
    pub(crate) due_us: Option<i64>,
    pub(crate) first_us: Option<i64>,
}

/// Reads [`Columns`] from a row of any driver.
macro_rules! columns {
    ($row:expr, $($column:ident)*) => {
        $crate::effect_row::Columns { $($column: sqlx::Row::try_get($row, stringify!($column))?),* }
    };
    ($row:expr) => {
        $crate::effect_row::columns!($row,
            id consumer_id event_key effect label moment idempotency_key request origin state fence attempts uncertain
            compensated settled result error evidence age_us due_us first_us)
    };
}
pub(crate) use columns;

impl Columns {
    /// The row.
    ///
    /// # Errors
    /// [`sqlx::Error::Decode`] where somebody else has written what we never do.
    pub(crate) fn read(self) -> Result<EffectRow, sqlx::Error> {
        let intent = Intent {
            id: EffectId::from_uuid(Uuid::from_bytes(key(&self.id)?)),
            consumer: ConsumerId(self.consumer_id),
            event: ClaimKey::from_bytes(key(&self.event_key)?),
            moment: Moment::parse(&self.moment).ok_or_else(|| foreign("moment", &self.moment))?,
            key: IdempotencyKey::new(self.idempotency_key)
                .map_err(|error| sqlx::Error::Decode(error.into()))?,
            request: self.request.into(),
            origin: Origin::from_json(&self.origin),
            effect: self.effect,
            label: self.label,
        };
        let mut record = EffectRecord::planned(intent, micros(self.age_us));
        record.state = EffectState::parse(&self.state).ok_or_else(|| foreign("state", &self.state))?;
        record.attempts = u32::try_from(self.attempts).unwrap_or(0);
        record.uncertain = self.uncertain;
        record.compensated = self.compensated;
        record.settled = self.settled;
        record.result = self.result.map(Into::into);
        record.error = self.error;
        record.evidence = self.evidence;
        record.due_in = self.due_us.map(micros).filter(|wait| !wait.is_zero());
        Ok(EffectRow { record, fence: self.fence, since_first: self.first_us.map(micros) })
    }
}

/// A time as a parameter, in microseconds.
pub(crate) fn span(time: Duration) -> i64 {
    time.min(LONGEST).as_micros() as i64
}

/// How long evidence may be, as a parameter.
pub(crate) const ROOM: i32 = MAX_EVIDENCE as i32;

pub(crate) fn micros(us: i64) -> Duration {
    Duration::from_micros(u64::try_from(us).unwrap_or(0))
}

fn key(bytes: &[u8]) -> Result<[u8; 16], sqlx::Error> {
    bytes.try_into().map_err(|_| foreign("key", &format!("{} bytes", bytes.len())))
}

fn foreign(column: &str, value: &str) -> sqlx::Error {
    sqlx::Error::Decode(format!("an effect has no {column} such as {value:?}").into())
}

/// So many parameters of a statement.
#[cfg(any(feature = "mysql", feature = "sqlite"))]
pub(crate) fn marks(count: usize) -> String {
    vec!["?"; count].join(", ")
}

/// A value of ours as a literal, where a text of several statements takes no parameters.
#[cfg(feature = "mysql")]
pub(crate) fn literal(bytes: &[u8]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    format!("X'{hex}'")
}
