//! `init`: a small scenario that runs, to be changed by its reader.

use std::path::Path;

use crate::cli::exit::Exit;
use crate::cli::terminal;

/// The starter's text.
pub const TEXT: &str = include_str!("starter.yaml");

/// Writes the starter, never over anything.
///
/// # Errors
/// The file exists, or cannot be written.
pub fn init(file: &Path) -> Result<Exit, String> {
    use std::io::Write;
    let opened = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(file);
    let written = opened.and_then(|mut file| file.write_all(TEXT.as_bytes()));
    match written {
        Ok(()) => {
            terminal::say(&format!(
                "{} is written; try:  cutover run {}\n",
                file.display(),
                file.display()
            ));
            Ok(Exit::Fine)
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Err(format!(
            "{} exists and was left alone; give another name",
            file.display()
        )),
        Err(error) => Err(format!("{} cannot be written: {error}", file.display())),
    }
}
