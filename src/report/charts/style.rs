//! Colours and sizes of all charts: the palette of Okabe and Ito (2008), told apart by colour-blind readers too.

use plotters::style::RGBColor;

use crate::report::charts::picture::{Anchor, Ink, Picture};

/// Width of every chart, points.
pub const WIDTH: f64 = 1_280.0;
/// Title.
pub const TITLE: f64 = 21.0;
/// Labels and legends.
pub const LABEL: f64 = 14.0;
/// Ticks.
pub const SMALL: f64 = 12.5;

/// Ordinary text.
pub const TEXT: Ink = RGBColor(0x22, 0x2a, 0x33);
/// Ticks and remarks.
pub const MUTED: Ink = RGBColor(0x6b, 0x75, 0x80);
/// Lines of the grid.
pub const GRID: Ink = RGBColor(0xe6, 0xe9, 0xec);
/// The cluster being left.
pub const SOURCE: Ink = RGBColor(0xd9, 0x8a, 0x00);
/// The cluster being moved to.
pub const TARGET: Ink = RGBColor(0x00, 0x72, 0xb2);
/// Limits, breaches and rollbacks.
pub const BAD: Ink = RGBColor(0xc4, 0x3d, 0x1c);
/// What went well.
pub const GOOD: Ink = RGBColor(0x00, 0x9e, 0x73);
/// Waves.
pub const WAVE: Ink = RGBColor(0x7a, 0x6f, 0xb0);
/// How strongly waves are shaded.
pub const WAVE_ALPHA: f64 = 0.13;
/// Freezes.
pub const FREEZE: Ink = RGBColor(0x8f, 0x9b, 0xa6);

/// Colour of the `index`-th further thing.
#[must_use]
pub fn ink(index: usize) -> Ink {
    const MORE: [Ink; 6] = [
        TARGET,
        SOURCE,
        GOOD,
        RGBColor(0xcc, 0x79, 0xa7),
        RGBColor(0x56, 0xb4, 0xe9),
        WAVE,
    ];
    MORE[index % MORE.len()]
}

/// The text in lines that fit `room` points.
#[must_use]
pub fn wrap(text: &str, size: f64, room: f64) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("starts with one line");
        let longer = if line.is_empty() {
            word.to_owned()
        } else {
            format!("{line} {word}")
        };
        if line.is_empty() || Picture::text_width(&longer, size) <= room {
            *line = longer;
        } else {
            lines.push(word.to_owned());
        }
    }
    lines.truncate(3);
    lines
}

/// Paints title and source line at the top.
pub fn heading(picture: &mut Picture, title: &[String], source: &str) {
    let mut y = 32.0;
    for line in title {
        picture.text((30.0, y), TITLE, TEXT, Anchor::Left, line.as_str());
        y += 27.0;
    }
    picture.text((30.0, y - 1.0), SMALL, MUTED, Anchor::Left, source);
}
