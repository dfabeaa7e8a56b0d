//! Enrolment: which id a consumer has, under its name or one that it had.
//!
//! A decision over the rows of `consumers`; reading and writing them, one process at a time, is the storages' part. A
//! row binds a name to an id for ever: a consumer that was renamed has two rows, so that a process of the old version
//! that starts once more still finds the same id.

use std::collections::{BTreeMap, BTreeSet};

use consumer_core::{Error, Result, inbox::ConsumerId, storage::ConsumerName};

use crate::tables::Tables;

/// What the database knows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Register {
    /// The rows of `consumers`.
    pub(crate) names: BTreeMap<String, i32>,
    /// The highest id in use, by a name or by a claim whose consumer somebody has deleted: it must not be given again.
    pub(crate) highest: i32,
}

/// What becomes of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Enrollment {
    /// The ids, in the order asked for.
    pub(crate) ids: Vec<ConsumerId>,
    /// The rows to write.
    pub(crate) new: Vec<(String, i32)>,
}

/// Finds the id of each consumer, or gives it one.
///
/// # Errors
/// [`is_wiring`](Error::is_wiring) where a name and its alias stand for two consumers, or two names for one.
pub(crate) fn enroll(
    mut register: Register,
    wanted: &[ConsumerName<'_>],
    tables: &Tables,
) -> Result<Enrollment> {
    let mut enrollment = Enrollment::default();
    for consumer in wanted {
        let id = id_of(&mut register, consumer, tables)?;
        for name in names(consumer).filter(|name| !register.names.contains_key(*name)) {
            enrollment.new.push((name.to_owned(), id));
        }
        register.names.extend(names(consumer).map(|name| (name.to_owned(), id)));
        enrollment.ids.push(ConsumerId(id));
    }
    match shared(wanted, &enrollment.ids) {
        Some((one, other)) => Err(Error::wiring(format!(
            "the consumers `{one}` and `{other}` are one and the same to the database, because one was renamed to the \
             other: an event processed by one would count as processed by both; give one of them a new name"
        ))),
        None => Ok(enrollment),
    }
}

fn names<'a>(consumer: &ConsumerName<'a>) -> impl Iterator<Item = &'a str> {
    std::iter::once(consumer.name).chain(consumer.aliases.iter().copied())
}

fn id_of(register: &mut Register, consumer: &ConsumerName<'_>, tables: &Tables) -> Result<i32> {
    let known: BTreeMap<i32, &str> =
        names(consumer).filter_map(|name| Some((*register.names.get(name)?, name))).collect();
    let ids: BTreeSet<i32> = known.keys().copied().collect();
    match ids.len() {
        0 => {
            register.highest += 1;
            Ok(register.highest)
        }
        1 => Ok(ids.into_iter().next().unwrap_or_default()),
        _ => Err(two_consumers(consumer, &known, tables)),
    }
}

fn two_consumers(consumer: &ConsumerName<'_>, known: &BTreeMap<i32, &str>, tables: &Tables) -> Error {
    let who: Vec<String> = known.iter().map(|(id, name)| format!("`{name}` (id {id})")).collect();
    let (claims, consumers) = (tables.name("processed_events"), tables.name("consumers"));
    Error::wiring(format!(
        "the consumer `{}` cannot take over the claims of its aliases: {} already have claims of their own. Remove the \
         alias; or, if one of them may forget what it has processed, stop it and run `DELETE FROM {claims} WHERE \
         consumer_id = <its id>; DELETE FROM {consumers} WHERE id = <its id>`",
        consumer.name,
        who.join(" and "),
    ))
}

/// Two consumers that have got the same id.
fn shared<'a>(wanted: &[ConsumerName<'a>], ids: &[ConsumerId]) -> Option<(&'a str, &'a str)> {
    let mut owners: BTreeMap<ConsumerId, &'a str> = BTreeMap::new();
    wanted
        .iter()
        .zip(ids)
        .find_map(|(consumer, id)| owners.insert(*id, consumer.name).map(|other| (other, consumer.name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn register(names: &[(&str, i32)], highest: i32) -> Register {
        Register { names: names.iter().map(|(name, id)| ((*name).to_owned(), *id)).collect(), highest }
    }

    fn name<'a>(name: &'a str, aliases: &'a [&'a str]) -> ConsumerName<'a> {
        ConsumerName { name, aliases }
    }

    fn ids(enrollment: &Enrollment) -> Vec<i32> {
        enrollment.ids.iter().map(|id| id.0).collect()
    }

    #[test]
    fn new_names_get_ids_that_no_claim_has() {
        let got = enroll(register(&[("a", 1)], 7), &[name("a", &[]), name("b", &[])], &Tables::default())
            .expect("enrolled");
        assert_eq!((ids(&got), got.new), (vec![1, 8], vec![("b".to_owned(), 8)]));
    }

    #[test]
    fn a_renamed_consumer_keeps_its_id_and_so_does_its_old_name() {
        let got = enroll(register(&[("ledger", 3)], 3), &[name("books", &["ledger"])], &Tables::default())
            .expect("enrolled");
        assert_eq!((ids(&got), got.new), (vec![3], vec![("books".to_owned(), 3)]));
        let renamed = register(&[("ledger", 3), ("books", 3)], 3);
        let old = enroll(renamed, &[name("ledger", &[])], &Tables::default()).expect("enrolled");
        assert_eq!((ids(&old), old.new), (vec![3], vec![]));
    }

    #[test]
    fn an_alias_is_taken_before_the_old_version_starts_once_more() {
        let got =
            enroll(Register::default(), &[name("books", &["ledger"])], &Tables::default()).expect("enrolled");
        assert_eq!(got.new, [("books".to_owned(), 1), ("ledger".to_owned(), 1)]);
    }

    #[test]
    fn a_name_and_an_alias_in_use_are_refused_with_the_remedy() {
        let error = enroll(
            register(&[("books", 1), ("ledger", 2)], 2),
            &[name("books", &["ledger"])],
            &Tables::default(),
        )
        .expect_err("refused");
        assert!(error.is_wiring());
        let text = error.to_string();
        assert!(
            text.contains("`books` (id 1) and `ledger` (id 2)") && text.contains("DELETE FROM"),
            "{text}"
        );
    }

    #[test]
    fn a_new_consumer_under_an_old_name_is_refused() {
        let wanted = [name("books", &["ledger"]), name("ledger", &[])];
        assert!(enroll(Register::default(), &wanted, &Tables::default()).expect_err("refused").is_wiring());
    }
}
