//! `ottla link`: creates links by whose names the binary acts as other tools.

use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use clap::Args;

use crate::cli::failure::Failure;
use crate::cli::screen;
use crate::cli::tools::TOOLS;

/// The flags of `ottla link`.
#[derive(Debug, Args)]
pub struct Link {
    /// Directory for the links, preferably one on the PATH.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

/// Runs `ottla link`: each of Kafka's tools with and without `.sh`, and `confluent`.
///
/// # Errors
/// A file with one of the names exists, or the directory is not writable.
pub fn run(link: Link) -> Result<(), Failure> {
    let program = std::env::current_exe()
        .map_err(|error| Failure::new(format!("cannot find the path of this program: {error}")))?;
    let names = TOOLS.iter().flat_map(|tool| [(*tool).to_owned(), format!("{tool}.sh")]);
    let names: Vec<String> = names.chain([String::from("confluent")]).collect();
    for name in &names {
        let path = link.dir.join(name);
        match symlink(&program, &path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                if path.read_link().ok().as_ref() != Some(&program) {
                    return Err(Failure::new(format!(
                        "{} already exists and is not a link to this program",
                        path.display()
                    )));
                }
            }
            Err(error) => {
                return Err(Failure::new(format!("cannot create {}: {error}", path.display())));
            }
            Ok(()) => {}
        }
    }
    screen::line(&format!("{} is now {}.", program.display(), names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_leads_to_this_program_and_nothing_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let link = || run(Link { dir: dir.path().to_owned() });
        link().unwrap();
        link().unwrap();
        for name in ["kafka-topics", "kafka-get-offsets.sh", "confluent"] {
            let to = dir.path().join(name).read_link().unwrap();
            assert_eq!(to, std::env::current_exe().unwrap());
        }
        let other = tempfile::tempdir().unwrap();
        symlink("elsewhere", other.path().join("confluent")).unwrap();
        let error = run(Link { dir: other.path().to_owned() }).unwrap_err();
        assert!(error.message.contains("is not a link to this program"), "{}", error.message);
        assert!(run(Link { dir: dir.path().join("none") }).is_err());
    }
}
