//! The fraud rule: which payments we do not take.

use std::sync::Arc;

use crate::event::PaymentCaptured;

/// Why a payment is not taken; `None` if nothing speaks against it.
pub trait FraudRule: Send + Sync {
    fn objection(&self, payment: &PaymentCaptured) -> Option<&'static str>;
}

/// The rule as handlers take it: `State<Fraud>`.
pub type Fraud = Arc<dyn FraudRule>;

/// The rule of the house.
pub struct HouseRule;

impl HouseRule {
    pub const MOST_CENTS: i64 = 500_000;
    pub const BLOCKED_COUNTRIES: [&str; 2] = ["XA", "XB"];
}

impl FraudRule for HouseRule {
    fn objection(&self, payment: &PaymentCaptured) -> Option<&'static str> {
        if payment.amount_cents.get() > Self::MOST_CENTS {
            Some("over the limit")
        } else if Self::BLOCKED_COUNTRIES.contains(&payment.card_country.as_str()) {
            Some("blocked country")
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::payment;

    #[test]
    fn the_limit_itself_is_allowed() {
        assert_eq!(HouseRule.objection(&payment(HouseRule::MOST_CENTS)), None);
        assert_eq!(HouseRule.objection(&payment(HouseRule::MOST_CENTS + 1)), Some("over the limit"));
    }

    #[test]
    fn a_card_of_a_blocked_country_is_not_taken() {
        let payment = PaymentCaptured { card_country: "XB".to_owned(), ..payment(100) };
        assert_eq!(HouseRule.objection(&payment), Some("blocked country"));
    }
}
