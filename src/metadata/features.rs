//! Features (KIP-584): the levels that the broker supports, and those finalized in the cluster.
//!
//! A feature is in the table only if its levels make a difference in the broker. Any other feature
//! in a directory of Apache Kafka stays in the log and is not advertised: a client that saw, say,
//! `transaction.version` 2 would rely on it.

use crate::metadata::image::Image;
use crate::metadata::records::{Record, feature_level_record};

/// The formats of the metadata log's records.
pub const METADATA_VERSION: &str = "metadata.version";

/// One feature, and the levels of it that the broker supports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Feature {
    /// Its name.
    pub name: &'static str,
    /// The lowest level.
    pub min_level: i16,
    /// The highest level.
    pub max_level: i16,
}

/// Every supported feature, by name.
pub static SUPPORTED: &[Feature] = &[
    // What Apache Kafka 4.1 writes (4.1-IV1), and nothing else.
    Feature { name: METADATA_VERSION, min_level: 27, max_level: 27 },
];

/// The level in a new directory.
pub const FIRST_METADATA_VERSION: i16 = 27;

/// The direction in which a level may change (`FeatureUpdate.UpgradeType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Up.
    Upgrade,
    /// Down, if nothing is lost.
    SafeDowngrade,
    /// Down, even if something is lost.
    UnsafeDowngrade,
    /// An unknown value.
    Unknown,
}

/// A requested level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeatureUpdate {
    /// The feature's name.
    pub name: String,
    /// The level; 0 turns the feature off.
    pub level: i16,
    /// The direction in which it may change.
    pub direction: Direction,
}

/// Why no feature was changed: INVALID_UPDATE_VERSION.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "The update failed for all features since the following feature had an error: Invalid {what}. \
     {why}"
)]
pub struct FeatureError {
    what: String,
    why: String,
}

/// Returns the finalized features by name, with their levels.
pub fn finalized(image: &Image) -> impl Iterator<Item = (&'static str, i16)> {
    SUPPORTED.iter().filter_map(|feature| {
        let level = image.features.get(feature.name).copied().filter(|level| *level > 0)?;
        Some((feature.name, level))
    })
}

/// Returns the records that set the features as requested; all or none (`FeatureControlManager`).
///
/// # Errors
/// The first request that is not possible.
pub fn decide(
    supported: &[Feature],
    node_id: i32,
    image: &Image,
    updates: &[FeatureUpdate],
) -> Result<Vec<Record>, FeatureError> {
    let mut records = Vec::new();
    for update in updates {
        let now = image.features.get(&update.name).copied().unwrap_or(0);
        check(supported, node_id, update, now)?;
        if update.level != now {
            records.push(feature_level_record(&update.name, update.level));
        }
    }
    Ok(records)
}

/// Features of Kafka 4.1 that Ottla may lack.
const OF_KAFKA: &[&str] = &[
    "eligible.leader.replicas.version",
    "group.version",
    "kraft.version",
    "share.version",
    "transaction.version",
];

fn check(
    supported: &[Feature],
    node_id: i32,
    update: &FeatureUpdate,
    now: i16,
) -> Result<(), FeatureError> {
    let FeatureUpdate { name, level, direction } = update;
    let refuse = |why: String| {
        let what = format!("update version {level} for feature {}", shown(name));
        Err(FeatureError { what, why })
    };
    if *direction == Direction::Unknown {
        return refuse("The controller does not support the given upgrade type.".to_owned());
    }
    if *level < 0 {
        return refuse("A feature version cannot be less than 0.".to_owned());
    }
    match supported.iter().find(|feature| feature.name == name) {
        // They are already off.
        None if *level == 0 && OF_KAFKA.contains(&name.as_str()) => {}
        None if *level == 0 => return refuse(format!("Feature {} not found.", shown(name))),
        None => {
            return refuse(format!("Local controller {node_id} does not support this feature."));
        }
        Some(feature) if (feature.min_level..=feature.max_level).contains(level) => {}
        Some(Feature { min_level: least, max_level: most, .. }) => {
            let range = if least == most { least.to_string() } else { format!("{least}-{most}") };
            return refuse(format!("Local controller {node_id} only supports versions {range}"));
        }
    }
    if *level > now && *direction != Direction::Upgrade {
        return refuse("Can't downgrade to a newer version.".to_owned());
    }
    if *level >= now {
        return Ok(());
    }
    let unsound = |why: &str| {
        Err(FeatureError { what: format!("metadata.version {level}"), why: why.to_owned() })
    };
    match direction {
        Direction::SafeDowngrade if name == METADATA_VERSION => unsound(
            "Refusing to perform the requested downgrade because it might delete metadata \
             information.",
        ),
        Direction::UnsafeDowngrade if name == METADATA_VERSION => {
            unsound("Unsafe metadata downgrade is not supported in this version.")
        }
        Direction::Upgrade => refuse(
            "Can't downgrade the version of this feature without setting the upgrade type to \
             either safe or unsafe downgrade."
                .to_owned(),
        ),
        _ => Ok(()),
    }
}

/// Returns a name cut to a length fit for an error message.
fn shown(name: &str) -> String {
    name.chars().take(120).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOME: &[Feature] = &[
        Feature { name: "group.version", min_level: 0, max_level: 1 },
        Feature { name: METADATA_VERSION, min_level: 7, max_level: 27 },
    ];

    fn image() -> Image {
        let mut image = Image::default();
        for (name, feature_level) in [("group.version", 1), (METADATA_VERSION, 27), ("odd", 3)] {
            image.apply(&feature_level_record(name, feature_level));
        }
        image
    }

    fn decided(name: &str, level: i16, direction: Direction) -> Result<usize, String> {
        let update = FeatureUpdate { name: name.to_owned(), level, direction };
        let records = decide(SOME, 1, &image(), &[update]).map_err(|error| error.to_string())?;
        Ok(records.len())
    }

    #[test]
    fn levels_go_where_they_can() {
        use Direction::*;
        assert_eq!(decided("group.version", 0, SafeDowngrade), Ok(1));
        assert_eq!(decided("group.version", 0, UnsafeDowngrade), Ok(1));
        for direction in [Upgrade, SafeDowngrade, UnsafeDowngrade] {
            assert_eq!(decided("group.version", 1, direction), Ok(0), "nothing to do");
        }
        assert_eq!(decided("share.version", 0, SafeDowngrade), Ok(0));
    }

    #[test]
    fn what_cannot_be_is_said_in_kafkas_words() {
        use Direction::*;
        let begin = "The update failed for all features since the following feature had an error: ";
        let refusal = |name, level, direction| {
            let said = decided(name, level, direction).unwrap_err();
            said.strip_prefix(begin).unwrap().to_owned()
        };
        assert_eq!(
            refusal("no.such", 0, SafeDowngrade),
            "Invalid update version 0 for feature no.such. Feature no.such not found."
        );
        assert_eq!(
            refusal("no.such", 1, Upgrade),
            "Invalid update version 1 for feature no.such. Local controller 1 does not support \
             this feature."
        );
        assert_eq!(
            refusal("group.version", 2, Upgrade),
            "Invalid update version 2 for feature group.version. Local controller 1 only supports \
             versions 0-1"
        );
        assert_eq!(
            refusal("group.version", 0, Upgrade),
            "Invalid update version 0 for feature group.version. Can't downgrade the version of \
             this feature without setting the upgrade type to either safe or unsafe downgrade."
        );
        assert_eq!(
            refusal(METADATA_VERSION, 20, SafeDowngrade),
            "Invalid metadata.version 20. Refusing to perform the requested downgrade because it \
             might delete metadata information."
        );
        assert_eq!(
            refusal(METADATA_VERSION, 20, UnsafeDowngrade),
            "Invalid metadata.version 20. Unsafe metadata downgrade is not supported in this \
             version."
        );
        assert!(refusal("group.version", 1, Unknown).contains("upgrade type"));
        assert!(refusal("group.version", -1, Upgrade).contains("less than 0"));
    }

    #[test]
    fn one_that_cannot_be_keeps_the_others_from_changing() {
        let update = |name: &str, level| FeatureUpdate {
            name: name.to_owned(),
            level,
            direction: Direction::SafeDowngrade,
        };
        let both = [update("group.version", 0), update("no.such", 1)];
        assert!(decide(SOME, 1, &image(), &both).is_err());
    }

    #[test]
    fn only_what_is_supported_is_said_to_be_finalized() {
        let levels: Vec<_> = finalized(&image()).collect();
        assert_eq!(levels, [(METADATA_VERSION, 27)]);
        assert!(SUPPORTED.iter().any(|feature| {
            feature.name == METADATA_VERSION && feature.max_level == FIRST_METADATA_VERSION
        }));
    }
}
