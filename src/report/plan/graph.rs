//! Who calls whom, in columns by wave: what moves together, and which calls stay split for how long.

use crate::report::charts::picture::{Anchor, Ink, Picture};
use crate::report::charts::style;
use crate::report::number;
use crate::report::plan::Planned;

/// Services up to which each has its name.
const NAMED: usize = 90;
/// Split calls that are drawn strongly and listed.
const STRONG: usize = 6;
/// Edges drawn at most, those with most crossing calls first.
const EDGES: usize = 600;
/// Columns in one band of the picture.
const COLUMNS: usize = 10;

const WHITE: Ink = plotters::style::RGBColor(255, 255, 255);
const BOX: (f64, f64) = (104.0, 22.0);

/// Where everything is.
struct Layout {
    /// Centre of each service that is drawn.
    places: Vec<Option<(f64, f64)>>,
    /// Half width and half height of a service.
    half: (f64, f64),
    /// Heads of the columns.
    heads: Vec<(f64, f64, String)>,
    bottom: f64,
}

/// Draws the graph.
#[must_use]
pub fn picture(plan: &Planned) -> Picture {
    let strong = strongest(plan);
    let title = style::wrap(&title(plan, &strong), style::TITLE, style::WIDTH - 60.0);
    let head = 26.0 + title.len() as f64 * 27.0 + 22.0;
    let layout = layout(plan, head + 26.0);
    let list = strong.len() as f64 * 20.0;
    let mut picture = Picture::new(style::WIDTH, layout.bottom + list + 52.0);
    let source = format!(
        "{} · columns and colours: waves · lines: calls, red where they cross the link longest and most",
        plan.known.scenario.title
    );
    style::heading(&mut picture, &title, &source);
    edges(&mut picture, plan, &layout, &strong);
    services(&mut picture, plan, &layout);
    for (x, y, name) in &layout.heads {
        picture.text(
            (*x, *y),
            style::SMALL,
            style::MUTED,
            Anchor::Middle,
            name.as_str(),
        );
    }
    let mut y = layout.bottom + 30.0;
    for index in &strong {
        let (edge, found) = (&plan.known.edges[*index], &plan.exposure.edges[*index]);
        let text = format!(
            "{} calls {}: split for {}, {} calls cross ({}/s)",
            plan.known.name(edge.caller),
            plan.known.name(edge.callee),
            number::duration(found.split_seconds),
            number::plain(found.calls),
            number::plain(edge.calls)
        );
        picture.path(vec![(30.0, y), (56.0, y)], style::BAD, 2.5);
        picture.text((64.0, y), style::SMALL, style::TEXT, Anchor::Left, text);
        y += 20.0;
    }
    picture
}

/// Edges with most crossing calls, those first.
fn strongest(plan: &Planned) -> Vec<usize> {
    let mut edges: Vec<usize> = (0..plan.known.edges.len())
        .filter(|edge| plan.exposure.edges[*edge].calls > 0.0)
        .collect();
    edges.sort_by(|a, b| {
        let calls = |edge: usize| plan.exposure.edges[edge].calls;
        calls(*b).total_cmp(&calls(*a)).then(a.cmp(b))
    });
    edges.truncate(STRONG);
    edges
}

fn title(plan: &Planned, strong: &[usize]) -> String {
    let split = plan
        .exposure
        .edges
        .iter()
        .filter(|edge| edge.split_seconds > 0.0)
        .count();
    let Some(worst) = strong.first() else {
        return format!("No call crosses the link under {}", plan.by);
    };
    let edge = &plan.known.edges[*worst];
    let share = plan.exposure.edges[*worst].calls / plan.exposure.calls.max(f64::MIN_POSITIVE);
    format!(
        "{split} of {} calls are split for some time; {} of all that crosses is {} calling {}",
        plan.known.edges.len(),
        number::percent(share),
        plan.known.name(edge.caller),
        plan.known.name(edge.callee)
    )
}

fn layout(plan: &Planned, top: f64) -> Layout {
    let named = plan.known.services.len() <= NAMED;
    let (half, step) = if named {
        ((BOX.0 / 2.0, BOX.1 / 2.0), BOX.1 + 14.0)
    } else {
        ((4.0, 4.0), 11.0)
    };
    let mut columns: Vec<(String, Vec<usize>)> = plan
        .waves
        .iter()
        .map(|wave| {
            let services = wave.members.iter().map(|member| member.service.index());
            (wave.name.clone(), services.collect())
        })
        .collect();
    let stays: Vec<usize> = (0..plan.known.services.len())
        .filter(|service| {
            plan.timetable.of(*service).is_none()
                && plan
                    .known
                    .edges
                    .iter()
                    .any(|edge| edge.caller == *service || edge.callee == *service)
        })
        .collect();
    if !stays.is_empty() {
        columns.push(("does not move".to_owned(), stays));
    }
    arrange_columns(plan, &mut columns);
    let mut places = vec![None; plan.known.services.len()];
    let mut heads = Vec::new();
    let across = columns.len().clamp(1, COLUMNS);
    let width = (style::WIDTH - 60.0) / across as f64;
    let mut y = top;
    for band in columns.chunks(COLUMNS) {
        let tallest = band
            .iter()
            .map(|(_, services)| services.len())
            .max()
            .unwrap_or(0);
        for (at, (name, services)) in band.iter().enumerate() {
            let x = 30.0 + width * (at as f64 + 0.5);
            heads.push((x, y, name.clone()));
            let offset = (tallest - services.len()) as f64 * step / 2.0;
            for (row, service) in services.iter().enumerate() {
                places[*service] = Some((x, y + 30.0 + offset + row as f64 * step));
            }
        }
        y += 30.0 + tallest as f64 * step + 26.0;
    }
    let room = width / 2.0 - 8.0;
    Layout {
        places,
        half: (half.0.min(room), half.1),
        heads,
        bottom: y - 20.0,
    }
}

/// Sorts each column by the mean height of what its services call and are called by (barycentres, four rounds).
fn arrange_columns(plan: &Planned, columns: &mut [(String, Vec<usize>)]) {
    let mut height = vec![0.5; plan.known.services.len()];
    let mut around: Vec<Vec<usize>> = vec![Vec::new(); plan.known.services.len()];
    for edge in &plan.known.edges {
        around[edge.caller].push(edge.callee);
        around[edge.callee].push(edge.caller);
    }
    for _ in 0..4 {
        for (_, services) in columns.iter_mut() {
            let mean = |service: usize| {
                let others = &around[service];
                if others.is_empty() {
                    return 0.5;
                }
                others.iter().map(|other| height[*other]).sum::<f64>() / others.len() as f64
            };
            let mut keyed: Vec<(f64, usize)> = services
                .iter()
                .map(|service| (mean(*service), *service))
                .collect();
            keyed.sort_by(|a, b| {
                a.0.total_cmp(&b.0)
                    .then(plan.known.name(a.1).cmp(plan.known.name(b.1)))
            });
            *services = keyed.into_iter().map(|(_, service)| service).collect();
            let count = services.len() as f64;
            for (row, service) in services.iter().enumerate() {
                height[*service] = (row as f64 + 0.5) / count;
            }
        }
    }
}

fn edges(picture: &mut Picture, plan: &Planned, layout: &Layout, strong: &[usize]) {
    let mut order: Vec<usize> = (0..plan.known.edges.len()).collect();
    order.sort_by(|a, b| {
        let calls = |edge: usize| plan.exposure.edges[edge].calls;
        calls(*b).total_cmp(&calls(*a)).then(a.cmp(b))
    });
    order.truncate(EDGES);
    // The strongest are painted last, above all others.
    for index in order.into_iter().rev() {
        let edge = &plan.known.edges[index];
        let (Some(from), Some(to)) = (layout.places[edge.caller], layout.places[edge.callee])
        else {
            continue;
        };
        let is_strong = strong.contains(&index);
        let split = plan.exposure.edges[index].split_seconds > 0.0;
        let (ink, width) = match (is_strong, split) {
            (true, _) => (style::BAD, 2.5),
            (false, true) => (style::FREEZE, 1.0),
            (false, false) => (style::GRID, 1.0),
        };
        picture.path(line(from, to, layout.half), ink, width);
    }
}

/// From side to side of two boxes; within a column a bow beside it.
fn line(from: (f64, f64), to: (f64, f64), half: (f64, f64)) -> Vec<(f64, f64)> {
    if (from.0 - to.0).abs() < 1.0 {
        let x = from.0 + half.0;
        let bow = x + 8.0 + (from.1 - to.1).abs() * 0.06;
        let middle = (from.1 + to.1) / 2.0;
        return vec![(x, from.1), (bow, middle), (x, to.1)];
    }
    let side = if to.0 > from.0 { 1.0 } else { -1.0 };
    vec![
        (from.0 + side * half.0, from.1),
        (to.0 - side * half.0, to.1),
    ]
}

fn services(picture: &mut Picture, plan: &Planned, layout: &Layout) {
    let named = plan.known.services.len() <= NAMED;
    for (service, place) in layout.places.iter().enumerate() {
        let Some((x, y)) = *place else {
            continue;
        };
        let ink = plan
            .timetable
            .of(service)
            .map_or(style::MUTED, |one| style::ink(one.wave));
        let (width, height) = layout.half;
        let (from, to) = ((x - width, y - height), (x + width, y + height));
        picture.rectangle(from, to, WHITE, 1.0);
        picture.rectangle(from, to, ink, if named { 0.22 } else { 0.9 });
        if named {
            picture.path(vec![(from.0, from.1), (from.0, to.1)], ink, 3.0);
            let text = Picture::fit(plan.known.name(service), style::SMALL, 2.0 * width - 8.0);
            picture.text((x, y), style::SMALL, style::TEXT, Anchor::Middle, text);
        }
    }
}
