//! The folder of a run: whose it is, what is finished, and how files come into it.
//!
//! Every file is written under a temporary name and renamed, `manifest.json` last: a folder with a manifest is
//! complete. While a run is going on, `journal/` holds its identity and one file a finished replication.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::experiment::result::{ReplicationResult, StopReason};
use crate::report::columns::FORMAT;

/// What makes a run the one it is: equal identities, equal results to the byte.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// Version of the program.
    pub version: String,
    /// Name of the scenario.
    pub scenario: String,
    /// SHA-256 of the scenario as resolved.
    pub scenario_sha256: String,
    /// Arguments that change results, in a fixed order: name and value.
    pub arguments: Vec<(String, String)>,
    /// `run.seed`.
    pub seed: u64,
}

impl Identity {
    /// 10 hex digits of a digest: the folder's name.
    #[must_use]
    pub fn run(&self) -> String {
        let text = serde_json::to_string(self).expect("an identity is plain data");
        sha256(text.as_bytes())[..10].to_owned()
    }
}

/// A file that was read, as copied into `inputs/`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// Where the copy is, relative to `inputs/`.
    pub file: String,
    /// SHA-256 of its bytes.
    pub sha256: String,
}

/// `manifest.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the folder's format.
    pub format: u32,
    /// 10 hex digits.
    pub run: String,
    /// What was run.
    pub identity: Identity,
    /// Files that were read; the first is the scenario, relative to `inputs/`.
    pub inputs: Vec<Input>,
    /// Plan file among the inputs, if one was given.
    pub plan: Option<String>,
    /// Why the run ended.
    pub stop: StopReason,
    /// Replications that are in the results.
    pub replications: u32,
    /// SHA-256 over the results.
    pub results_sha256: String,
    /// Files written, sorted: name and SHA-256. Charts are left out: they are made from these.
    pub files: Vec<Input>,
}

/// What stands where a run wants to write.
#[derive(Debug)]
pub enum Found {
    /// Nothing of this run.
    New,
    /// Some of its replications.
    Incomplete,
    /// All of it.
    Complete(Box<Manifest>),
}

/// A run's folder that is ours to write into.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
}

/// Lower-case hex SHA-256.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The manifest in that file.
///
/// # Errors
/// The file cannot be read, is no manifest, or is of another format version.
pub fn read_manifest(path: &Path) -> Result<Manifest, String> {
    let text = fs::read_to_string(path)
        .map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    let manifest: Manifest = serde_json::from_str(&text).map_err(|error| {
        format!(
            "{} is not a manifest of `cutover run`: {error}",
            path.display()
        )
    })?;
    if manifest.format != FORMAT {
        return Err(format!(
            "{} has format version {}, this program knows {FORMAT}",
            path.display(),
            manifest.format
        ));
    }
    Ok(manifest)
}

impl Folder {
    /// Takes the folder at `path` for the run of that identity, making it when it does not exist.
    ///
    /// # Errors
    /// It holds anything but this very run, or cannot be written.
    pub fn claim(path: &Path, identity: &Identity) -> Result<(Self, Found), String> {
        let folder = Self {
            path: path.to_owned(),
        };
        let manifest = path.join("manifest.json");
        let marker = folder.marker();
        let refuse = |what: &str| {
            Err(format!(
                "{} {what}; nothing was written: choose another folder with `--out`, or move this one away",
                path.display()
            ))
        };
        if path.is_file() {
            return refuse("is a file");
        }
        if manifest.is_file() {
            return match read_manifest(&manifest) {
                Ok(found) if found.identity == *identity => {
                    Ok((folder, Found::Complete(Box::new(found))))
                }
                Ok(found) if found.identity.version != identity.version => refuse(&format!(
                    "holds a run of version {}",
                    found.identity.version
                )),
                Ok(_) => refuse("holds another run"),
                Err(error) => refuse(&format!("holds files of something else ({error})")),
            };
        }
        if marker.is_file() {
            let found = fs::read_to_string(&marker)
                .ok()
                .and_then(|text| serde_json::from_str::<Identity>(&text).ok());
            return if found.as_ref() == Some(identity) {
                Ok((folder, Found::Incomplete))
            } else {
                refuse("holds another unfinished run")
            };
        }
        let in_use = path.is_dir()
            && fs::read_dir(path)
                .map_err(|error| failure(path, &error))?
                .next()
                .is_some();
        if in_use {
            return refuse("is not empty and holds no run");
        }
        let text = serde_json::to_string_pretty(identity).expect("an identity is plain data");
        folder.write("journal/run.json", text.as_bytes())?;
        Ok((folder, Found::New))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn marker(&self) -> PathBuf {
        self.path.join("journal/run.json")
    }

    /// Writes a file under a temporary name and renames it; makes its folders.
    ///
    /// # Errors
    /// The disk is full or may not be written.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), String> {
        self.write_with(name, |temporary| {
            fs::write(temporary, bytes).map_err(|error| failure(temporary, &error))
        })
    }

    /// The same for a writer that needs a path. The temporary name keeps the file's ending.
    ///
    /// # Errors
    /// The writer's, or the disk is full or may not be written.
    pub fn write_with(
        &self,
        name: &str,
        write: impl FnOnce(&Path) -> Result<(), String>,
    ) -> Result<(), String> {
        let path = self.path.join(name);
        let (parent, last) = (
            path.parent().unwrap_or(&self.path),
            path.file_name().unwrap_or_default(),
        );
        fs::create_dir_all(parent).map_err(|error| failure(parent, &error))?;
        let temporary = parent.join(format!(".unfinished-{}", last.to_string_lossy()));
        write(&temporary)?;
        fs::rename(&temporary, &path).map_err(|error| failure(&path, &error))
    }

    /// Keeps a finished replication.
    ///
    /// # Errors
    /// The disk is full or may not be written.
    pub fn keep(&self, one: &ReplicationResult) -> Result<(), String> {
        let text = serde_json::to_vec(one).expect("a replication is plain data");
        self.write(&format!("journal/r{:04}.json", one.replication), &text)
    }

    /// The replication of that number, when it was finished and kept.
    #[must_use]
    pub fn kept(&self, replication: u32) -> Option<ReplicationResult> {
        let text = fs::read(self.path.join(format!("journal/r{replication:04}.json"))).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// How many replications are kept, contiguous from number 0.
    #[must_use]
    pub fn kept_prefix(&self) -> u32 {
        let there = |number: u32| {
            self.path
                .join(format!("journal/r{number:04}.json"))
                .is_file()
        };
        (0..)
            .find(|number| !there(*number))
            .expect("some number is not there")
    }

    /// Every replication that is kept, by number; there may be holes where threads were interrupted.
    #[must_use]
    pub fn all_kept(&self) -> Vec<ReplicationResult> {
        let Ok(entries) = fs::read_dir(self.path.join("journal")) else {
            return Vec::new();
        };
        let names = entries
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned());
        let mut numbers: Vec<u32> = names
            .filter_map(|name| name.strip_prefix('r')?.strip_suffix(".json")?.parse().ok())
            .collect();
        numbers.sort_unstable();
        numbers
            .into_iter()
            .filter_map(|number| self.kept(number))
            .collect()
    }

    /// Writes the manifest, which makes the run complete, and removes the journal.
    ///
    /// # Errors
    /// The disk is full or may not be written.
    pub fn finish(&self, manifest: &Manifest) -> Result<(), String> {
        let text = serde_json::to_string_pretty(manifest).expect("a manifest is plain data") + "\n";
        self.write("manifest.json", text.as_bytes())?;
        let journal = self.path.join("journal");
        fs::remove_dir_all(&journal).map_err(|error| failure(&journal, &error))
    }
}

fn failure(path: &Path, error: &std::io::Error) -> String {
    format!("{} cannot be written: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(seed: u64) -> Identity {
        Identity {
            version: "0.1.0".to_owned(),
            scenario: "shop".to_owned(),
            scenario_sha256: sha256(b"shop"),
            arguments: vec![("replications".to_owned(), "3".to_owned())],
            seed,
        }
    }

    fn manifest(identity: &Identity) -> Manifest {
        Manifest {
            format: FORMAT,
            run: identity.run(),
            identity: identity.clone(),
            inputs: Vec::new(),
            plan: None,
            stop: StopReason::Replications,
            replications: 1,
            results_sha256: String::new(),
            files: Vec::new(),
        }
    }

    #[test]
    fn a_run_is_named_by_what_it_is() {
        assert_eq!(identity(1).run(), identity(1).run());
        assert_ne!(identity(1).run(), identity(2).run());
        assert_eq!(identity(1).run().len(), 10);
    }

    #[test]
    fn an_unfinished_run_is_found_again_with_its_replications_and_a_finished_one_too() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("shop/run");
        let (folder, found) = Folder::claim(&path, &identity(1)).unwrap();
        assert!(matches!(found, Found::New));
        let one = ReplicationResult {
            replication: 0,
            events: 7,
            ..ReplicationResult::default()
        };
        folder.keep(&one).unwrap();
        let (folder, found) = Folder::claim(&path, &identity(1)).unwrap();
        assert!(matches!(found, Found::Incomplete));
        assert_eq!(
            (folder.kept_prefix(), folder.kept(0), folder.kept(1)),
            (1, Some(one), None)
        );
        folder.finish(&manifest(&identity(1))).unwrap();
        assert!(matches!(
            Folder::claim(&path, &identity(1)).unwrap().1,
            Found::Complete(_)
        ));
        assert!(!path.join("journal").exists());
    }

    #[test]
    fn a_folder_of_something_else_is_refused_and_left_alone() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("thesis.txt"), "words").unwrap();
        let error = Folder::claim(place.path(), &identity(1)).unwrap_err();
        assert!(error.contains("is not empty and holds no run"), "{error}");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);

        let other = tempfile::tempdir().unwrap();
        Folder::claim(other.path(), &identity(1))
            .unwrap()
            .0
            .finish(&manifest(&identity(1)))
            .unwrap();
        assert!(
            Folder::claim(other.path(), &identity(2))
                .unwrap_err()
                .contains("holds another run")
        );
    }
}
