//! An amount of money that changes hands.

use std::fmt;

use consumer::prelude::*;

/// More than nothing, and not more than a bank would move at once.
///
/// An amount that is neither cannot even be read: the message goes to the dead-letter queue, and no handler has to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Cents(i64);

impl Cents {
    const MOST: i64 = 10_000_000_000;

    /// The amount, or the least there is.
    pub fn at_least_one(cents: i64) -> Self {
        Self(cents.clamp(1, Self::MOST))
    }

    pub const fn get(self) -> i64 {
        self.0
    }
}

impl TryFrom<i64> for Cents {
    type Error = String;

    fn try_from(cents: i64) -> Result<Self, String> {
        match cents {
            1..=Self::MOST => Ok(Self(cents)),
            _ => Err(format!("an amount lies between 1 and {} cents", Self::MOST)),
        }
    }
}

impl From<Cents> for i64 {
    fn from(cents: Cents) -> Self {
        cents.0
    }
}

impl fmt::Display for Cents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_and_less_than_nothing_are_no_amounts() {
        assert!(Cents::try_from(0).is_err());
        assert!(Cents::try_from(-5).is_err());
        assert!(Cents::try_from(i64::MAX).is_err());
        assert_eq!(Cents::try_from(123_405).map(|c| c.to_string()), Ok("1234.05".to_owned()));
    }
}
