//! One scaling policy in the place of every other: what `compare --policies` does to a tree.

use crate::scenario::node::{Node, Value};

/// Maps whose things may say how they scale: `services`, `classes` and `clusters`, with `in` of services.
const OWNERS: [&str; 3] = ["services", "classes", "clusters"];

/// Puts `chosen` wherever the tree says how something scales; things that say nothing stay as they are. The number of
/// places; 0: nothing scales.
pub fn apply(tree: &mut Node, chosen: &str) -> usize {
    let Value::Map(entries) = &mut tree.value else {
        return 0;
    };
    let mut places = 0;
    for entry in entries {
        let Value::Map(things) = &mut entry.value.value else {
            continue;
        };
        let owners = OWNERS.contains(&entry.key.as_str());
        for thing in things {
            if owners || (entry.key == "defaults" && thing.key == "service") {
                places += put(&mut thing.value, chosen);
            }
        }
    }
    places
}

fn put(thing: &mut Node, chosen: &str) -> usize {
    let Value::Map(keys) = &mut thing.value else {
        return 0;
    };
    let mut places = 0;
    for key in keys {
        if key.key == "scaling" {
            key.value.value = word(chosen);
            places += 1;
        } else if key.key == "in"
            && let Value::Map(clusters) = &mut key.value.value
        {
            for cluster in clusters {
                places += put(&mut cluster.value, chosen);
            }
        }
    }
    places
}

fn word(text: &str) -> Value {
    Value::Scalar {
        text: text.to_owned(),
        quoted: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::lower;
    use crate::scenario::problem::Problems;
    use crate::scenario::read::read_text;
    use crate::scenario::sources::Sources;

    #[test]
    fn the_chosen_policy_scales_and_the_others_are_no_problem() {
        let text = "cutover: 1\nhorizon: 1m\nscaling: {a: {static: 2}, b: {static: 5}, c: {static: 3}}\n\
                    services:\n  web: {scaling: a, steps: [work: 1ms, call: db]}\n  db: {steps: [work: 1ms]}\n\
                    journeys: {browse: {call: web}}\nload: {users: {rate: 1/s, journey: browse}}\n";
        for (name, replicas) in [("b", 5), ("c", 3)] {
            let (mut sources, mut problems) = (Sources::default(), Problems::default());
            let mut tree =
                read_text("s.yaml", text.to_owned(), &mut sources, &mut problems).unwrap();
            assert_eq!(apply(&mut tree, name), 1);
            let scenario = lower::lower_changed(&tree, &sources, &mut problems);
            let scenario = scenario.unwrap_or_else(|| panic!("{:?}", problems.list));
            assert_eq!(scenario.services[0].placed[0].replicas, replicas);
            assert_eq!(scenario.services[1].placed[0].replicas, 1);
        }
    }
}
