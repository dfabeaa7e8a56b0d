//! The clock on the wall: how far the day has come.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

const OPENS_MINUTE: u64 = 8 * 60;
const CLOSES_MINUTE: u64 = 20 * 60;

/// A bar over all events of the day, with the time that it would be.
pub struct Clock(ProgressBar);

impl Clock {
    pub fn start(events: u64) -> anyhow::Result<Self> {
        let style = ProgressStyle::with_template("{prefix} {bar:40.cyan/dim} {pos}/{len} events {msg}")?;
        let bar = ProgressBar::new(events).with_style(style);
        bar.set_prefix(time(0, events));
        bar.enable_steady_tick(Duration::from_millis(100));
        Ok(Self(bar))
    }

    pub fn show(&self, settled: u64, crashes: i64) {
        let events = self.0.length().unwrap_or_default();
        self.0.set_position(settled.min(events));
        self.0.set_prefix(time(settled, events));
        self.0.set_message(format!("· {crashes} crashes"));
    }

    pub fn stop(self) {
        self.0.finish_and_clear();
    }
}

fn time(settled: u64, events: u64) -> String {
    let open = CLOSES_MINUTE - OPENS_MINUTE;
    let minute = OPENS_MINUTE + settled.min(events) * open / events.max(1);
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn a_day_lasts_from_eight_to_eight() {
        assert_eq!([0, 50, 100, 120].map(|settled| time(settled, 100)), ["08:00", "14:00", "20:00", "20:00"]);
    }
}
