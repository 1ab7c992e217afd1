//! Ctrl-C: the first asks the experiment to stop and keep what is finished, the second ends at once.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

static ASKED: AtomicBool = AtomicBool::new(false);
static LISTENING: OnceLock<()> = OnceLock::new();

/// Set once somebody asks to stop.
#[must_use]
pub fn asked() -> &'static AtomicBool {
    LISTENING.get_or_init(|| {
        // Without a handler Ctrl-C ends the process; the journal has what was finished all the same.
        let _ = ctrlc::set_handler(|| {
            if ASKED.swap(true, Ordering::Relaxed) {
                std::process::exit(130);
            }
        });
    });
    &ASKED
}
