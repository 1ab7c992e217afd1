//! The font of all charts, carried in the program so that pictures look the same on every machine.
//!
//! A subset of DejaVu Sans (Latin, digits, arrows, a few signs); its licence lies beside it in `font/`.

use std::sync::OnceLock;

use plotters::style::{FontStyle, register_font};

/// The family under which the font is known to the chart library.
pub const FAMILY: &str = "DejaVu Sans";

static REGISTERED: OnceLock<bool> = OnceLock::new();

/// Makes the font known to the chart library, once in a process.
///
/// # Errors
/// The carried font cannot be read, which is a fault of the build.
pub fn register() -> Result<(), String> {
    let registered = REGISTERED.get_or_init(|| {
        let bytes = include_bytes!("font/dejavu-sans-subset.ttf");
        register_font(FAMILY, FontStyle::Normal, bytes).is_ok()
    });
    if *registered {
        Ok(())
    } else {
        Err("the carried font cannot be read".to_owned())
    }
}
