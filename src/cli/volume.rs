//! Volumes where the images of other brokers keep their data.
//!
//! In a compose file that was written for one of them only the image's name changes; what is
//! mounted there is where the data shall outlive the container.

use std::path::{Path, PathBuf};

/// Where a volume is mounted, and where in it the data is.
const PLACES: &[(&str, &str)] = &[
    ("/var/lib/kafka/data", "/var/lib/kafka/data"),
    ("/bitnami/kafka", "/bitnami/kafka/data"),
    ("/bitnami/kafka/data", "/bitnami/kafka/data"),
    ("/tmp/kraft-combined-logs", "/tmp/kraft-combined-logs"),
];

/// The data directory of another broker's image, if something is mounted there.
pub fn of_another_image() -> Option<PathBuf> {
    of(&std::fs::read_to_string("/proc/self/mountinfo").ok()?)
}

fn of(mounts: &str) -> Option<PathBuf> {
    let is_mounted = |place: &str| {
        mounts.lines().any(|line| line.split(' ').nth(4).is_some_and(|at| at == place))
    };
    let (_, data) = PLACES.iter().find(|(place, _)| is_mounted(place))?;
    Some(Path::new(data).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_of_another_image_is_known_by_its_place() {
        let mounts = |place: &str| {
            format!(
                "22 28 0:20 / / rw - overlay overlay rw\n\
                 36 35 98:0 /v {place} rw,noatime master:1 - ext3 /dev/root rw\n"
            )
        };
        assert_eq!(of(&mounts("/var/lib/kafka/data")), Some("/var/lib/kafka/data".into()));
        assert_eq!(of(&mounts("/bitnami/kafka")), Some("/bitnami/kafka/data".into()));
        assert_eq!(of(&mounts("/var/lib/ottla")), None);
        assert_eq!(of(""), None);
    }
}
