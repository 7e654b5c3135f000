//! Failures of background work. Each is logged once when it begins or its cause changes, and once
//! when the work succeeds again.

use std::collections::BTreeMap;
use std::fmt::Display;

use crate::sync::Mutex;

/// How many failures are remembered. Further ones are not logged: with this many, one more says
/// nothing new.
const MOST: usize = 256;

/// Background work whose last attempt failed.
#[derive(Debug, Default)]
pub struct BackgroundErrors {
    /// The cause of each failure, by kind of work and by what the work was for.
    known: Mutex<BTreeMap<(&'static str, String), String>>,
}

/// A change worth logging.
#[derive(Debug, PartialEq, Eq)]
enum ErrorChange {
    Began(String),
    Over,
}

impl BackgroundErrors {
    /// Records how background work for a partition (or for whatever `of` names) ended. Failed work
    /// is retried later by its owner.
    pub fn note<T, E: Display>(&self, work: &'static str, of: &str, outcome: &Result<T, E>) {
        match self.change(work, of, outcome.as_ref().err().map(ToString::to_string)) {
            Some(ErrorChange::Began(error)) => {
                tracing::warn!(work, partition = of, %error, "background work failed; will retry");
            }
            Some(ErrorChange::Over) => {
                tracing::info!(work, partition = of, "background work recovered")
            }
            None => {}
        }
    }

    fn change(&self, work: &'static str, of: &str, error: Option<String>) -> Option<ErrorChange> {
        let mut known = self.known.lock();
        if known.is_empty() && error.is_none() {
            return None;
        }
        let key = (work, of.to_owned());
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
            background_errors.change("retention", "t-0", error.map(str::to_owned))
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
        let news = (0..2 * MOST)
            .map(|n| background_errors.change("flush", &n.to_string(), Some("x".into())));
        assert_eq!(news.filter(Option::is_some).count(), MOST);
        assert_eq!(
            background_errors.change("flush", "0", Some("y".into())),
            Some(ErrorChange::Began("y".into()))
        );
    }
}
