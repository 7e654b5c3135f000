//! Mount points of volumes in a container: Ottla's own, and those of other brokers' images.
//!
//! A compose file written for another broker works if only the image's name is changed: where it
//! mounts a volume is where the data must survive the container.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::cli::failure::Failure;
use crate::platform;

/// Mount points of volumes, each with the data directory inside it.
const PLACES: &[(&str, &str)] = &[
    ("/var/lib/kafka/data", "/var/lib/kafka/data"),
    ("/bitnami/kafka", "/bitnami/kafka/data"),
    ("/bitnami/kafka/data", "/bitnami/kafka/data"),
    ("/bitnami", "/bitnami/kafka/data"),
    ("/tmp/kraft-combined-logs", "/tmp/kraft-combined-logs"),
];

/// Ottla's own.
const OWN: &str = "/var/lib/ottla";

/// Creates the directories, writable for every user: a new volume gets the permissions of the
/// directory that it is mounted over, and the container may run as any user.
///
/// # Errors
/// A directory cannot be created.
pub fn prepare() -> Result<(), Failure> {
    let places = PLACES.iter().flat_map(|(place, data)| [*place, *data]).chain([OWN]);
    for place in places {
        let made = std::fs::create_dir_all(place)
            .and_then(|()| std::fs::set_permissions(place, std::fs::Permissions::from_mode(0o777)));
        made.map_err(|error| Failure::new(format!("cannot create {place}: {error}")))?;
    }
    Ok(())
}

/// Returns the data directory of another broker's image, if a volume is mounted there.
pub fn of_another_image() -> Option<PathBuf> {
    of(&platform::mounts()?)
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
        assert_eq!(of(&mounts("/bitnami")), Some("/bitnami/kafka/data".into()));
        assert_eq!(of(&mounts(OWN)), None);
        assert_eq!(of(""), None);
    }
}
