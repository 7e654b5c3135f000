//! Features (KIP-584, KIP-1022): the levels that the broker supports, and those finalized in the
//! cluster.
//!
//! A directory of Apache Kafka may have levels above the supported ones. They stay in its log and
//! are not advertised: a client that saw, say, `share.version` 1 would rely on it.

use std::collections::BTreeMap;

use crate::metadata::image::Image;
use crate::metadata::records::{Record, feature_level_record};
use crate::metadata::version::{METADATA_VERSION, MetadataVersion};

/// Eligible leader replicas (KIP-966).
pub const ELIGIBLE_LEADER_REPLICAS: &str = "eligible.leader.replicas.version";
/// The protocol of consumer groups (KIP-848).
pub const GROUP_VERSION: &str = "group.version";
/// The flow of transactions (KIP-890).
pub const TRANSACTION_VERSION: &str = "transaction.version";
/// The formats of the quorum, which control records finalize, not feature records.
const KRAFT_VERSION: &str = "kraft.version";

/// One feature, and the levels of it that the broker supports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Feature {
    /// Its name.
    pub name: &'static str,
    /// The lowest level.
    pub min_level: i16,
    /// The highest level; 0 if the broker cannot do any of it.
    pub max_level: i16,
    /// What every level above 0 depends on: another feature, and its level.
    needs: Option<(&'static str, i16)>,
}

impl Feature {
    const fn up_to(max_level: i16, name: &'static str) -> Feature {
        Feature { name, min_level: 0, max_level, needs: None }
    }

    const fn from(self, min_level: i16) -> Feature {
        Feature { min_level, ..self }
    }

    const fn with(self, name: &'static str, level: i16) -> Feature {
        Feature { needs: Some((name, level)), ..self }
    }
}

/// Every feature of Apache Kafka 4.4, by name.
pub static FEATURES: &[Feature] = &[
    Feature::up_to(0, ELIGIBLE_LEADER_REPLICAS).with(METADATA_VERSION, 23),
    Feature::up_to(1, GROUP_VERSION),
    Feature::up_to(0, KRAFT_VERSION),
    Feature::up_to(MetadataVersion::NEWEST.level(), METADATA_VERSION)
        .from(MetadataVersion::OLDEST.level()),
    Feature::up_to(0, "share.version"),
    Feature::up_to(0, "streams.version"),
    Feature::up_to(2, TRANSACTION_VERSION),
];

/// Returns the supported features. As in Kafka, one whose highest level is 0 is not among them.
pub fn supported() -> impl Iterator<Item = &'static Feature> {
    FEATURES.iter().filter(|feature| feature.max_level > 0)
}

/// Returns the records of the levels in a new directory: the highest of each.
pub fn first_records() -> impl Iterator<Item = Record> {
    let first = supported().filter(|feature| feature.name == METADATA_VERSION);
    let others = |feature: &&Feature| !matches!(feature.name, METADATA_VERSION | KRAFT_VERSION);
    let all = first.chain(supported().filter(others));
    all.map(|feature| feature_level_record(feature.name, feature.max_level))
}

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
    "The update failed for all features since the following feature had an error: {what}. {why}"
)]
pub struct FeatureError {
    what: String,
    why: String,
}

/// Returns the finalized features by name, with their levels as far as they are supported.
pub fn finalized(image: &Image) -> impl Iterator<Item = (&'static str, i16)> {
    supported().filter_map(|feature| {
        let level = image.features.get(feature.name)?;
        Some((feature.name, *level.min(&feature.max_level)))
    })
}

/// Returns the finalized level of a feature, as far as it is supported; 0 if there is none.
pub fn level_of(image: &Image, name: &str) -> i16 {
    finalized(image).find(|(known, _)| *known == name).map_or(0, |(_, level)| level)
}

/// Returns the records that set the features as requested; all or none (`FeatureControlManager`).
///
/// # Errors
/// The first request that is not possible.
pub fn decide(
    known: &[Feature],
    node_id: i32,
    image: &Image,
    updates: &[FeatureUpdate],
) -> Result<Vec<Record>, FeatureError> {
    let mut proposed = image.features.clone();
    proposed.extend(updates.iter().map(|update| (update.name.clone(), update.level)));
    let mut records = Vec::new();
    for update in updates {
        let now = image.features.get(&update.name).copied().unwrap_or(0);
        let feature = known.iter().find(|feature| feature.name == update.name);
        check(feature, node_id, update, now, &proposed)?;
        if update.level != now {
            records.push(feature_level_record(&update.name, update.level));
        }
    }
    Ok(records)
}

fn check(
    feature: Option<&Feature>,
    node_id: i32,
    update: &FeatureUpdate,
    now: i16,
    proposed: &BTreeMap<String, i16>,
) -> Result<(), FeatureError> {
    let FeatureUpdate { name, level, direction } = update;
    let refuse = |why: String| {
        let what = format!("Invalid update version {level} for feature {}", shown(name));
        Err(FeatureError { what, why })
    };
    if *direction == Direction::Unknown {
        return refuse("The controller does not support the given upgrade type.".to_owned());
    }
    if *level < 0 {
        return refuse("A feature version cannot be less than 0.".to_owned());
    }
    let (least, most) = feature.map_or((0, 0), |feature| (feature.min_level, feature.max_level));
    if !(least..=most).contains(level) {
        return refuse(match most {
            0 => format!("Local controller {node_id} does not support this feature."),
            _ => format!("Local controller {node_id} only supports versions {least}-{most}"),
        });
    }
    if *level > now && *direction != Direction::Upgrade {
        return refuse("Can't downgrade to a newer version.".to_owned());
    }
    if *level < now && *direction == Direction::Upgrade {
        return refuse(
            "Can't downgrade the version of this feature without setting the upgrade type to \
             either safe or unsafe downgrade."
                .to_owned(),
        );
    }
    let Some(feature) = feature else {
        return refuse(format!("Feature {} not found.", shown(name)));
    };
    if let Some((other, wanted)) = feature.needs.filter(|_| *level > 0)
        && proposed.get(other).is_none_or(|level| *level < wanted)
    {
        return refuse(format!(
            "{name} could not be set to {level} because it depends on {other} level {wanted}"
        ));
    }
    if loses_metadata(name, now, *level) {
        let what = format!("Unsupported metadata.version downgrade from {now} to {level}");
        let why = match direction {
            Direction::UnsafeDowngrade => {
                "Unsafe metadata downgrade is not supported in this version."
            }
            _ => {
                "Refusing to perform the requested downgrade because it might delete metadata \
                 information."
            }
        };
        return Err(FeatureError { what, why: why.to_owned() });
    }
    Ok(())
}

/// Returns true if the change is a downgrade of `metadata.version` to a level whose records cannot
/// say all that those of the current one can.
fn loses_metadata(name: &str, now: i16, level: i16) -> bool {
    name == METADATA_VERSION
        && MetadataVersion::of(now)
            .zip(MetadataVersion::of(level))
            .is_some_and(|(now, lower)| now.loses_metadata_at(lower))
}

/// Returns a name cut to a length fit for an error message.
fn shown(name: &str) -> String {
    name.chars().take(120).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOME: &[Feature] = &[
        Feature::up_to(1, ELIGIBLE_LEADER_REPLICAS).with(METADATA_VERSION, 23),
        Feature::up_to(1, GROUP_VERSION),
        Feature::up_to(33, METADATA_VERSION).from(7),
        Feature::up_to(0, "share.version"),
    ];

    fn image() -> Image {
        let mut image = Image::default();
        let levels = [(GROUP_VERSION, 1), (METADATA_VERSION, 29), ("odd", 3), ("share.version", 1)];
        for (name, feature_level) in levels {
            image.apply(&feature_level_record(name, feature_level));
        }
        image
    }

    fn update(name: &str, level: i16, direction: Direction) -> FeatureUpdate {
        FeatureUpdate { name: name.to_owned(), level, direction }
    }

    fn decided(name: &str, level: i16, direction: Direction) -> Result<usize, String> {
        let updates = [update(name, level, direction)];
        let records = decide(SOME, 1, &image(), &updates).map_err(|error| error.to_string())?;
        Ok(records.len())
    }

    #[test]
    fn levels_go_where_they_can() {
        use Direction::*;
        assert_eq!(decided(GROUP_VERSION, 0, SafeDowngrade), Ok(1));
        assert_eq!(decided(GROUP_VERSION, 0, UnsafeDowngrade), Ok(1));
        assert_eq!(decided("eligible.leader.replicas.version", 1, Upgrade), Ok(1));
        for direction in [Upgrade, SafeDowngrade, UnsafeDowngrade] {
            assert_eq!(decided(GROUP_VERSION, 1, direction), Ok(0), "nothing to do");
        }
        assert_eq!(decided("share.version", 0, SafeDowngrade), Ok(1));
        assert_eq!(decided(METADATA_VERSION, 33, Upgrade), Ok(1));
        for direction in [SafeDowngrade, UnsafeDowngrade] {
            assert_eq!(decided(METADATA_VERSION, 25, direction), Ok(1), "nothing is lost");
        }
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
        for name in ["no.such", "share.version"] {
            let said = refusal(name, 1, Upgrade);
            assert!(
                said.ends_with(". Local controller 1 does not support this feature."),
                "{said}"
            );
        }
        assert_eq!(
            refusal(GROUP_VERSION, 2, Upgrade),
            "Invalid update version 2 for feature group.version. Local controller 1 only supports \
             versions 0-1"
        );
        assert_eq!(
            refusal(GROUP_VERSION, 0, Upgrade),
            "Invalid update version 0 for feature group.version. Can't downgrade the version of \
             this feature without setting the upgrade type to either safe or unsafe downgrade."
        );
        assert_eq!(
            refusal(METADATA_VERSION, 22, SafeDowngrade),
            "Unsupported metadata.version downgrade from 29 to 22. Refusing to perform the \
             requested downgrade because it might delete metadata information."
        );
        assert_eq!(
            refusal(METADATA_VERSION, 22, UnsafeDowngrade),
            "Unsupported metadata.version downgrade from 29 to 22. Unsafe metadata downgrade is \
             not supported in this version."
        );
        assert_eq!(
            refusal(METADATA_VERSION, 34, Upgrade),
            "Invalid update version 34 for feature metadata.version. Local controller 1 only \
             supports versions 7-33"
        );
        assert!(refusal(GROUP_VERSION, 1, Unknown).contains("upgrade type"));
        assert!(refusal(GROUP_VERSION, -1, Upgrade).contains("less than 0"));
    }

    #[test]
    fn a_level_that_depends_on_another_waits_for_it_or_comes_with_it() {
        let name = "eligible.leader.replicas.version";
        let mut image = Image::default();
        image.apply(&feature_level_record(METADATA_VERSION, 22));
        let wanted = update(name, 1, Direction::Upgrade);
        let refused = decide(SOME, 1, &image, std::slice::from_ref(&wanted)).unwrap_err();
        let why = "eligible.leader.replicas.version could not be set to 1 because it depends on \
                   metadata.version level 23";
        assert!(refused.to_string().ends_with(why), "{refused}");
        let both = [wanted, update(METADATA_VERSION, 23, Direction::Upgrade)];
        assert_eq!(decide(SOME, 1, &image, &both).map(|records| records.len()), Ok(2));
    }

    #[test]
    fn one_that_cannot_be_keeps_the_others_from_changing() {
        let safe = Direction::SafeDowngrade;
        let both = [update(GROUP_VERSION, 0, safe), update("no.such", 1, safe)];
        assert!(decide(SOME, 1, &image(), &both).is_err());
    }

    #[test]
    fn what_kafka_has_finalized_is_advertised_only_as_far_as_it_is_supported() {
        let levels: Vec<_> = finalized(&image()).collect();
        assert_eq!(levels, [(GROUP_VERSION, 1), (METADATA_VERSION, 29)]);
        assert_eq!(["share.version", "odd"].map(|name| level_of(&image(), name)), [0, 0]);
    }

    #[test]
    fn a_new_directory_has_every_supported_level() {
        let first: Vec<Record> = first_records().collect();
        assert_eq!(first[0], feature_level_record(METADATA_VERSION, 33));
        assert_eq!(first.len(), supported().filter(|one| one.name != KRAFT_VERSION).count());
    }
}
