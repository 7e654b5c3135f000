//! Failures of background work. Each is logged once when it begins or its cause changes, and once
//! when the work succeeds again.

use std::collections::BTreeMap;
use std::fmt::Display;

use crate::sync::Mutex;
use crate::types::TopicPartition;

/// How many failures are remembered. Further ones are not logged: with this many, one more says
/// nothing new.
const MOST: usize = 256;

/// Background work whose last attempt failed.
#[derive(Debug, Default)]
pub struct BackgroundErrors {
    /// The cause of each failure, by kind of work and by the partition that the work was for.
    known: Mutex<BTreeMap<(&'static str, Option<TopicPartition>), String>>,
}

/// A change worth logging.
#[derive(Debug, PartialEq, Eq)]
enum ErrorChange {
    Began(String),
    Over,
}

impl BackgroundErrors {
    /// Records how background work ended, for one partition or for all of them. Failed work is
    /// retried later by its owner.
    pub fn note<T, E: Display>(
        &self,
        work: &'static str,
        of: Option<&TopicPartition>,
        outcome: &Result<T, E>,
    ) {
        let (topic, partition) = (of.map(|id| &*id.topic), of.map(|id| id.partition));
        match self.change(work, of, outcome.as_ref().err().map(ToString::to_string)) {
            Some(ErrorChange::Began(error)) => {
                tracing::warn!(work, topic, partition, %error,
                    "background work failed; will retry");
            }
            Some(ErrorChange::Over) => {
                tracing::info!(work, topic, partition, "background work recovered")
            }
            None => {}
        }
    }

    fn change(
        &self,
        work: &'static str,
        of: Option<&TopicPartition>,
        error: Option<String>,
    ) -> Option<ErrorChange> {
        let mut known = self.known.lock();
        if known.is_empty() && error.is_none() {
            return None;
        }
        let key = (work, of.cloned());
        let Some(error) = error else { return known.remove(&key).map(|_| ErrorChange::Over) };
        if known.get(&key) == Some(&error) || (known.len() >= MOST && !known.contains_key(&key)) {
            return None;
        }
        known.insert(key, error.clone());
        Some(ErrorChange::Began(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_said_once_for_each_cause_and_once_when_it_is_over() {
        let background_errors = BackgroundErrors::default();
        let news = |error: Option<&str>| {
            let of = TopicPartition::new("t", 0);
            background_errors.change("retention", Some(&of), error.map(str::to_owned))
        };
        let began = |why: &str| Some(ErrorChange::Began(why.to_owned()));
        assert_eq!(news(None), None);
        assert_eq!(news(Some("no room")), began("no room"));
        assert_eq!(news(Some("no room")), None);
        assert_eq!(news(Some("EIO")), began("EIO"));
        assert_eq!(news(None), Some(ErrorChange::Over));
        assert_eq!(news(None), None);
    }

    #[test]
    fn the_number_of_failures_that_are_remembered_is_bounded() {
        let background_errors = BackgroundErrors::default();
        let change = |partition: i32, error: &str| {
            let of = TopicPartition::new("t", partition);
            background_errors.change("flush", Some(&of), Some(error.into()))
        };
        let news = (0..2 * MOST as i32).map(|partition| change(partition, "x"));
        assert_eq!(news.filter(Option::is_some).count(), MOST);
        assert_eq!(change(0, "y"), Some(ErrorChange::Began("y".into())));
    }
}
