//! What a selector sees of a composed service, and names with `*`.

use super::compose::texts;
use super::context::Context;
use crate::scenario::grammar::{Attributes, Selector, parse_selector};
use crate::scenario::node::{Entry, Node};

/// Attributes of a service as composed so far; unwritten ones have their defaults.
pub(super) fn attributes(cx: &Context, name: &str, service: &Node) -> Attributes {
    let text = |key: &str| service.get(key).and_then(Node::text).map(str::to_owned);
    let list = |key: &str| -> Vec<String> {
        service
            .get(key)
            .map(texts)
            .unwrap_or_default()
            .iter()
            .filter_map(|node| node.text().map(str::to_owned))
            .collect()
    };
    let mut clusters = list("cluster");
    if let (true, Some(home)) = (clusters.is_empty(), cx.home) {
        clusters.push(cx.names.clusters[home.index()].clone());
    }
    let labels = service.get("labels").map_or(&[][..], Node::entries);
    Attributes {
        name: name.to_owned(),
        team: text("team"),
        tier: text("tier").and_then(|tier| tier.parse().ok()).unwrap_or(2),
        kind: text("kind").unwrap_or_else(|| "stateless".to_owned()),
        classes: list("class"),
        clusters,
        labels: labels
            .iter()
            .filter_map(|label| Some((label.key.clone(), label.value.text()?.to_owned())))
            .collect(),
    }
}

/// Positions of the composed services that a selector picks.
pub(super) fn picked(cx: &Context, selector: &Selector, composed: &[Entry]) -> Vec<usize> {
    let numbered = composed.iter().enumerate();
    numbered
        .filter(|(_, service)| selector.matches(&attributes(cx, &service.key, &service.value)))
        .map(|(index, _)| index)
        .collect()
}

impl Context<'_> {
    /// Reads a selector, or tells what is wrong with it.
    pub(super) fn selector(&mut self, node: &Node) -> Option<Selector> {
        self.scalar(node, "a selector", |text, _, _| parse_selector(text))
    }
}

/// Whether `text` matches `pattern`, in which `*` stands for any text.
pub(super) fn glob(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, tail)) => text.strip_prefix(head).is_some_and(|rest| {
            (0..=rest.len())
                .filter(|at| rest.is_char_boundary(*at))
                .any(|at| glob(tail, &rest[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::glob;

    #[test]
    fn a_star_stands_for_any_text() {
        assert!(
            glob("legacy-*", "legacy-cart")
                && glob("*", "")
                && glob("a*c*", "abcd")
                && !glob("a*c", "abcd")
        );
    }
}
