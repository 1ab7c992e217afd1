//! Pods of environments that are made of ordinary services.

use crate::model::placement::Placing;
use crate::model::{Placed, Scenario, Service, ServiceKind, WorkKind};
use crate::units::{ClusterId, ServiceId};

/// Gives environments that are made of ordinary services pods of their own: what callers and autoscalers of those
/// services know must not change. They stand after all services that are written, have no endpoints and never move.
pub(super) fn add_copies(scenario: &mut Scenario, priorities: &[i32]) {
    for (source, priority) in priorities.iter().enumerate() {
        let name = scenario.work[source].name.clone();
        let WorkKind::Environments {
            cluster, services, ..
        } = &mut scenario.work[source].kind
        else {
            continue;
        };
        let mut copies = Vec::new();
        for service in services.iter_mut() {
            let original = &scenario.services[service.index()];
            if original.kind == ServiceKind::Ephemeral {
                continue;
            }
            let id = ServiceId::from_index(scenario.services.len() + copies.len());
            copies.push(copy(original, *service, id, &name, *cluster, *priority));
            *service = id;
        }
        scenario.services.append(&mut copies);
    }
}

fn copy(
    original: &Service,
    was: ServiceId,
    id: ServiceId,
    source: &str,
    cluster: ClusterId,
    priority: i32,
) -> Service {
    let mut copy = original.clone();
    copy.name = format!("{source}-{}", original.name);
    copy.title.clone_from(&copy.name);
    copy.draw_name.clone_from(&copy.name);
    (copy.team, copy.effort_days, copy.pinned) = (None, None, true);
    copy.portable_from = None;
    copy.kind = ServiceKind::Ephemeral;
    copy.clusters = vec![cluster];
    copy.endpoints.clear();
    for placed in &mut copy.placed {
        *placed = Placed {
            replicas: 0,
            scaling: None,
        };
    }
    (copy.pods.deploys, copy.pods.budget) = (0.0, None);
    own_terms(&mut copy.pods.placing, was, id);
    copy.pods.placing.priority = priority;
    copy
}

/// Rules about pods speak of those of the same environments only, as a namespace has it.
fn own_terms(placing: &mut Placing, was: ServiceId, id: ServiceId) {
    let own = |services: &mut Vec<ServiceId>| {
        services.retain(|service| *service == was);
        services.fill(id);
        !services.is_empty()
    };
    placing
        .pods_required
        .retain_mut(|term| own(&mut term.services));
    placing
        .pods_excluded
        .retain_mut(|term| own(&mut term.services));
    placing
        .pods_preferred
        .retain_mut(|(_, term)| own(&mut term.services));
    placing
        .spread
        .retain_mut(|constraint| own(&mut constraint.services));
}
