//! Heights over the graph of calls, cycles condensed: what `leaf-first-layered` and `root-first` go by.

use crate::plan::KnownWorld;

/// Groups by rising height; groups of one cycle next to each other, ties by name.
pub(super) fn by_height(known: &KnownWorld) -> Vec<usize> {
    let heights = known.graph.heights();
    let components = known.graph.components();
    let count = components.iter().max().map_or(0, |last| last + 1);
    let mut first_name: Vec<Option<&str>> = vec![None; count];
    for (group, component) in components.iter().enumerate() {
        let name = known.groups[group].name.as_str();
        let first = &mut first_name[*component];
        if first.is_none_or(|known| name < known) {
            *first = Some(name);
        }
    }
    super::by_key(known, |group| {
        (heights[group], first_name[components[group]])
    })
}
