//! References to endpoints: `cart.get`, or `cart` when it has one.

use super::context::{Context, alternatives};
use crate::scenario::node::Node;
use crate::units::{EndpointId, ServiceId};

/// The endpoint that a reference names, or a problem told with `owner` as the subject.
pub(super) fn resolve(
    cx: &mut Context,
    node: &Node,
    owner: &str,
) -> Option<(ServiceId, EndpointId)> {
    let Some(text) = node.text() else {
        cx.wrong_shape(
            node,
            &format!("the callee of {owner}"),
            "a name such as `cart.get`",
        );
        return None;
    };
    let (service_name, endpoint_name) = text
        .split_once('.')
        .map_or((text, None), |(service, endpoint)| {
            (service, Some(endpoint))
        });
    let Some(index) = cx
        .names
        .services
        .iter()
        .position(|service| service.name == service_name)
    else {
        let known: Vec<String> = cx
            .names
            .services
            .iter()
            .map(|service| service.name.clone())
            .collect();
        let near =
            crate::scenario::suggest::nearest(service_name, known.iter().map(String::as_str));
        let tail = endpoint_name
            .map(|name| format!(".{name}"))
            .unwrap_or_default();
        let help = near
            .map(|name| format!("did you mean `{name}{tail}`?"))
            .unwrap_or_default();
        let shown = service_name.escape_default();
        cx.problem(
            "E300",
            node.span.part(0, service_name.len()),
            format!("{owner} calls unknown service `{shown}`"),
            "no such service",
            help,
        );
        return None;
    };
    let service = cx.names.services[index].clone();
    let id = ServiceId::from_index(index);
    if service.endpoints.is_empty() {
        return None;
    }
    let wanted = endpoint_name.unwrap_or("default");
    if let Some((_, endpoint)) = service.endpoints.iter().find(|(name, _)| name == wanted) {
        return Some((id, *endpoint));
    }
    let names: Vec<&str> = service
        .endpoints
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    match endpoint_name {
        None if service.endpoints.len() == 1 => Some((id, service.endpoints[0].1)),
        None => {
            let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            let full: Vec<String> = names
                .iter()
                .map(|name| format!("`{service_name}.{name}`"))
                .collect();
            let list =
                |all: &[String]| alternatives(&all.iter().map(String::as_str).collect::<Vec<_>>());
            let sentence = format!(
                "`{service_name}` has {} endpoints: which one is called?",
                in_words(names.len())
            );
            cx.problem(
                "E302",
                node.span,
                sentence,
                list(&quoted),
                format!("write {}", list(&full)),
            );
            None
        }
        Some(wanted) => {
            let near = crate::scenario::suggest::nearest(wanted, names.iter().copied());
            let help = near.map_or_else(
                || format!("it has {}", alternatives(&names)),
                |name| format!("did you mean `{service_name}.{name}`?"),
            );
            let sentence = format!("{owner} calls unknown endpoint `{}`", text.escape_default());
            cx.problem(
                "E300",
                node.span,
                sentence,
                format!("no such endpoint of `{service_name}`"),
                help,
            );
            None
        }
    }
}

fn in_words(count: usize) -> String {
    const WORDS: [&str; 11] = [
        "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    ];
    WORDS
        .get(count)
        .map_or_else(|| count.to_string(), |word| (*word).to_owned())
}
