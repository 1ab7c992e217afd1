//! The terminal: what goes to people on standard error, what is the answer on standard output, and progress.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Prints a part of the answer.
pub fn say(text: &str) {
    // A closed pipe (`cutover list metrics | head`) is no fault of ours.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

/// Prints a remark that is no part of the answer.
pub fn remark(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Prints why the command cannot be answered.
pub fn complain(message: &str) {
    let _ = writeln!(std::io::stderr().lock(), "error: {message}");
}

/// Prints help, version or a usage error, coloured on a terminal.
pub fn show_clap(error: &clap::Error) {
    let _ = error.print();
}

/// Whether a person is watching standard error.
#[must_use]
pub fn is_watched() -> bool {
    std::io::stderr().is_terminal()
}

/// Width of the text in characters: that of the terminal when known.
#[must_use]
pub fn width() -> usize {
    std::env::var("COLUMNS")
        .ok()
        .and_then(|columns| columns.parse().ok())
        .unwrap_or(100)
        .clamp(40, 200)
}

/// A progress bar over thousandths of `what`; silent unless somebody watches.
#[must_use]
pub fn progress(what: &str) -> ProgressBar {
    let target = if is_watched() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(Some(1_000), target);
    let style = ProgressStyle::with_template("{msg} {wide_bar} {percent:>3} %, {eta} left")
        .expect("the template is well formed");
    bar.set_style(style);
    bar.set_message(what.to_owned());
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}
