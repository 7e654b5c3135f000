//! What fails in the background, and for whom: the log has one line when a failure begins, or has
//! another cause, and one when it is over.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Mutex;

/// How many failures are kept in mind. Further ones are not logged: where so much fails, they say
/// nothing new.
const MOST: usize = 256;

/// What failed when it was last tried.
#[derive(Debug, Default)]
pub struct BackgroundErrors {
    /// The causes, by work and by what it was done for.
    known: Mutex<BTreeMap<(&'static str, String), String>>,
}

/// What the log is told.
#[derive(Debug, PartialEq, Eq)]
enum ErrorChange {
    Began(String),
    Over,
}

impl BackgroundErrors {
    /// Takes note of how some work for a partition, or whatever `of` names, has ended. What fails
    /// is tried again later.
    pub fn note<T, E: Display>(&self, work: &'static str, of: &str, outcome: &Result<T, E>) {
        match self.change(work, of, outcome.as_ref().err().map(ToString::to_string)) {
            Some(ErrorChange::Began(error)) => {
                tracing::warn!(work, partition = of, %error, "failed in the background; it is tried again");
            }
            Some(ErrorChange::Over) => {
                tracing::info!(work, partition = of, "goes on in the background")
            }
            None => {}
        }
    }

    fn change(&self, work: &'static str, of: &str, error: Option<String>) -> Option<ErrorChange> {
        let mut known = self.known.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
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
        let told = |error: Option<&str>| {
            background_errors.change("retention", "t-0", error.map(str::to_owned))
        };
        let began = |why: &str| Some(ErrorChange::Began(why.to_owned()));
        assert_eq!(told(None), None);
        assert_eq!(told(Some("no room")), began("no room"));
        assert_eq!(told(Some("no room")), None);
        assert_eq!(told(Some("EIO")), began("EIO"));
        assert_eq!(told(None), Some(ErrorChange::Over));
        assert_eq!(told(None), None);
    }

    #[test]
    fn only_so_many_are_kept_in_mind() {
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
