//! A picture as a list of marks, painted alike as SVG and as PNG.
//!
//! Coordinates are points of an SVG user unit, y downwards. Knows nothing of scenarios or axes.

use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::{
    BitMapBackend, DrawingArea, DrawingBackend, IntoDrawingArea, IntoFont, PathElement, Polygon,
    Rectangle, SVGBackend, Text,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, RGBColor, ShapeStyle, TextStyle};

use crate::report::font;

/// A colour.
pub type Ink = RGBColor;

/// Where a text's point lies in its box.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Anchor {
    /// Left end, vertical middle.
    Left,
    /// Middle of both.
    Middle,
    /// Right end, vertical middle.
    Right,
}

enum Mark {
    Rectangle {
        from: (f64, f64),
        to: (f64, f64),
        ink: Ink,
        alpha: f64,
    },
    Path {
        points: Vec<(f64, f64)>,
        ink: Ink,
        width: f64,
    },
    Polygon {
        points: Vec<(f64, f64)>,
        ink: Ink,
        alpha: f64,
    },
    Text {
        at: (f64, f64),
        size: f64,
        ink: Ink,
        anchor: Anchor,
        text: String,
    },
}

/// Marks in the order painted.
pub struct Picture {
    /// Width in points.
    pub width: f64,
    /// Height in points.
    pub height: f64,
    marks: Vec<Mark>,
}

/// PNGs are painted this many times larger and averaged down, for smooth edges.
const OVERSAMPLING: u32 = 2;

impl Picture {
    /// An empty picture.
    #[must_use]
    pub fn new(width: f64, height: f64) -> Self {
        Self {
            width,
            height,
            marks: Vec::new(),
        }
    }

    /// A filled rectangle; `alpha` from 0 (nothing) to 1 (opaque).
    pub fn rectangle(&mut self, from: (f64, f64), to: (f64, f64), ink: Ink, alpha: f64) {
        self.marks.push(Mark::Rectangle {
            from,
            to,
            ink,
            alpha,
        });
    }

    /// A polyline.
    pub fn path(&mut self, points: Vec<(f64, f64)>, ink: Ink, width: f64) {
        if points.len() > 1 {
            self.marks.push(Mark::Path { points, ink, width });
        }
    }

    /// A dashed straight line.
    pub fn dashed(&mut self, from: (f64, f64), to: (f64, f64), ink: Ink, width: f64) {
        const DASH: f64 = 7.0;
        const GAP: f64 = 4.0;
        let length = libm::hypot(to.0 - from.0, to.1 - from.1);
        let at = |along: f64| {
            let share = (along / length).min(1.0);
            (
                from.0 + (to.0 - from.0) * share,
                from.1 + (to.1 - from.1) * share,
            )
        };
        let mut along = 0.0;
        while along < length {
            self.path(vec![at(along), at(along + DASH)], ink, width);
            along += DASH + GAP;
        }
    }

    /// A filled polygon.
    pub fn polygon(&mut self, points: Vec<(f64, f64)>, ink: Ink, alpha: f64) {
        if points.len() > 2 {
            self.marks.push(Mark::Polygon { points, ink, alpha });
        }
    }

    /// A text of `size` points.
    pub fn text(
        &mut self,
        at: (f64, f64),
        size: f64,
        ink: Ink,
        anchor: Anchor,
        text: impl Into<String>,
    ) {
        self.marks.push(Mark::Text {
            at,
            size,
            ink,
            anchor,
            text: text.into(),
        });
    }

    /// Width of a text of `size` points.
    #[must_use]
    pub fn text_width(text: &str, size: f64) -> f64 {
        let rough = text.chars().count() as f64 * size * 0.6;
        if font::register().is_err() {
            return rough;
        }
        (font::FAMILY, size)
            .into_font()
            .box_size(text)
            .map_or(rough, |(width, _)| f64::from(width))
    }

    /// The text cut to `room` points, with an ellipsis when it was cut.
    #[must_use]
    pub fn fit(text: &str, size: f64, room: f64) -> String {
        if Self::text_width(text, size) <= room {
            return text.to_owned();
        }
        let mut kept: Vec<char> = text.chars().collect();
        while kept.len() > 1 {
            kept.pop();
            let cut: String = kept.iter().collect::<String>().trim_end().to_owned() + "…";
            if Self::text_width(&cut, size) <= room {
                return cut;
            }
        }
        String::new()
    }

    /// Writes the picture as SVG text.
    ///
    /// # Errors
    /// The carried font cannot be read.
    pub fn svg(&self) -> Result<String, String> {
        let mut text = String::new();
        {
            let backend =
                SVGBackend::with_string(&mut text, (self.width as u32, self.height as u32));
            self.paint(&backend.into_drawing_area(), 1.0)?;
        }
        // A viewer without the font falls back to one of nearly the same widths.
        let family = format!("font-family=\"{}\"", font::FAMILY);
        Ok(text.replace(
            &family,
            "font-family=\"DejaVu Sans, Verdana, Geneva, sans-serif\"",
        ))
    }

    /// Writes the picture as a PNG file.
    ///
    /// # Errors
    /// The file cannot be written, or the carried font cannot be read.
    pub fn write_png(&self, path: &Path) -> Result<(), String> {
        let (width, height) = (self.width as u32, self.height as u32);
        let (wide, high) = (width * OVERSAMPLING, height * OVERSAMPLING);
        let mut pixels = vec![255_u8; wide as usize * high as usize * 3];
        {
            let backend = BitMapBackend::with_buffer(&mut pixels, (wide, high));
            self.paint(&backend.into_drawing_area(), f64::from(OVERSAMPLING))?;
        }
        let small = shrink(
            &pixels,
            width as usize,
            height as usize,
            OVERSAMPLING as usize,
        );
        let mut backend = BitMapBackend::new(path, (width, height));
        for (index, pixel) in small.chunks_exact(3).enumerate() {
            let at = ((index as u32 % width) as i32, (index as u32 / width) as i32);
            let colour = RGBColor(pixel[0], pixel[1], pixel[2]).to_backend_color();
            backend.draw_pixel(at, colour).map_err(words)?;
        }
        backend.present().map_err(words)
    }

    fn paint<B: DrawingBackend>(
        &self,
        area: &DrawingArea<B, Shift>,
        scale: f64,
    ) -> Result<(), String> {
        font::register()?;
        area.fill(&RGBColor(255, 255, 255)).map_err(words)?;
        let place = |point: &(f64, f64)| {
            (
                (point.0 * scale).round() as i32,
                (point.1 * scale).round() as i32,
            )
        };
        for mark in &self.marks {
            match mark {
                Mark::Rectangle {
                    from,
                    to,
                    ink,
                    alpha,
                } => {
                    area.draw(&Rectangle::new(
                        [place(from), place(to)],
                        ink.mix(*alpha).filled(),
                    ))
                    .map_err(words)?;
                }
                Mark::Path { points, ink, width } => {
                    let stroke = (width * scale).round().max(1.0) as u32;
                    let style = ShapeStyle {
                        color: ink.to_rgba(),
                        filled: false,
                        stroke_width: stroke,
                    };
                    area.draw(&PathElement::new(
                        points.iter().map(place).collect::<Vec<_>>(),
                        style,
                    ))
                    .map_err(words)?;
                }
                Mark::Polygon { points, ink, alpha } => {
                    let corners: Vec<_> = points.iter().map(place).collect();
                    area.draw(&Polygon::new(corners, ink.mix(*alpha).filled()))
                        .map_err(words)?;
                }
                Mark::Text {
                    at,
                    size,
                    ink,
                    anchor,
                    text,
                } => {
                    let horizontal = match anchor {
                        Anchor::Left => HPos::Left,
                        Anchor::Middle => HPos::Center,
                        Anchor::Right => HPos::Right,
                    };
                    let style = TextStyle::from((font::FAMILY, size * scale).into_font())
                        .color(ink)
                        .pos(Pos::new(horizontal, VPos::Center));
                    area.draw(&Text::new(text.as_str(), place(at), style))
                        .map_err(words)?;
                }
            }
        }
        area.present().map_err(words)
    }
}

/// Averages blocks of `factor` by `factor` pixels.
fn shrink(pixels: &[u8], width: usize, height: usize, factor: usize) -> Vec<u8> {
    let mut small = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        for x in 0..width {
            for channel in 0..3 {
                let mut sum = 0_usize;
                for row in y * factor..(y + 1) * factor {
                    for column in x * factor..(x + 1) * factor {
                        sum += usize::from(pixels[(row * width * factor + column) * 3 + channel]);
                    }
                }
                small.push((sum / (factor * factor)) as u8);
            }
        }
    }
    small
}

fn words(error: impl std::fmt::Display) -> String {
    format!("the chart cannot be drawn: {error}")
}
