//! How many nodes of a kind waiting pods need: first fit over pods in decreasing size.
//!
//! Reference: kubernetes/autoscaler's binpacking estimator and `least-waste` expander.

/// Pods that wait, all alike.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Waiting {
    /// Requested CPU of each, millicores.
    pub cpu: u64,
    /// Requested memory of each, bytes.
    pub memory: u64,
    /// How many.
    pub pods: u32,
    /// At most so many of them on one node (anti-affinity between hosts).
    pub per_node: u32,
}

/// Room of a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Room {
    /// CPU, millicores.
    pub cpu: u64,
    /// Memory, bytes.
    pub memory: u64,
    /// Pods.
    pub pods: u32,
}

impl Room {
    /// How many of the waiting pods fit.
    #[must_use]
    pub fn fits(self, waiting: &Waiting) -> u32 {
        let by = |room: u64, each: u64| {
            let most = room.checked_div(each).unwrap_or(u64::MAX);
            u32::try_from(most).unwrap_or(u32::MAX)
        };
        by(self.cpu, waiting.cpu)
            .min(by(self.memory, waiting.memory))
            .min(self.pods)
            .min(waiting.pods)
            .min(waiting.per_node)
    }

    fn take(&mut self, waiting: &Waiting, pods: u32) {
        self.cpu -= waiting.cpu * u64::from(pods);
        self.memory -= waiting.memory * u64::from(pods);
        self.pods -= pods;
    }
}

/// What a pool could do for waiting pods.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Estimate {
    /// Nodes to add.
    pub nodes: u32,
    /// Pods that would find room there.
    pub pods: u32,
    /// Idle share of CPU plus idle share of memory of the new nodes.
    pub waste: f64,
}

/// Places waiting pods on nodes that are there already (or on their way), first fit; what is left over.
#[must_use]
pub fn place_on(rooms: &mut [Room], waiting: &[Waiting]) -> Vec<Waiting> {
    let mut left = waiting.to_vec();
    for kind in &mut left {
        for room in rooms.iter_mut() {
            let pods = room.fits(kind);
            room.take(kind, pods);
            kind.pods -= pods;
        }
    }
    left
}

/// New nodes of that room, at most `most`, for pods that wait: the largest first, each onto the first new node
/// that has room for it.
#[must_use]
pub fn nodes_needed(node: Room, waiting: &[Waiting], most: u32) -> Estimate {
    let share = |part: u64, all: u64| {
        if all == 0 {
            0.0
        } else {
            part as f64 / all as f64
        }
    };
    let size = |kind: &Waiting| share(kind.cpu, node.cpu) + share(kind.memory, node.memory);
    let mut order: Vec<&Waiting> = waiting.iter().collect();
    order.sort_by(|a, b| size(b).total_cmp(&size(a)));
    let mut rooms: Vec<Room> = Vec::new();
    let mut placed = 0;
    for kind in order {
        let mut left = *kind;
        for room in &mut rooms {
            let pods = room.fits(&left);
            room.take(&left, pods);
            left.pods -= pods;
            placed += pods;
        }
        while left.pods > 0 && (rooms.len() as u32) < most {
            let mut room = node;
            let pods = room.fits(&left);
            if pods == 0 {
                break;
            }
            room.take(&left, pods);
            rooms.push(room);
            left.pods -= pods;
            placed += pods;
        }
    }
    let idle = |free: fn(&Room) -> u64, all: u64| {
        let free: u64 = rooms.iter().map(free).sum();
        share(free, all * rooms.len() as u64)
    };
    Estimate {
        nodes: rooms.len() as u32,
        pods: placed,
        waste: idle(|room| room.cpu, node.cpu) + idle(|room| room.memory, node.memory),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(cpu: u64, pods: u32) -> Waiting {
        Waiting {
            cpu,
            memory: 1,
            pods,
            per_node: u32::MAX,
        }
    }

    const NODE: Room = Room {
        cpu: 1000,
        memory: 1000,
        pods: 10,
    };

    #[test]
    fn large_pods_come_first_and_small_ones_fill_the_gaps() {
        // Three of 600 need three nodes; 400 fits beside each: three of four do, the fourth needs another.
        let found = nodes_needed(NODE, &[waiting(400, 4), waiting(600, 3)], 100);
        assert_eq!((found.nodes, found.pods), (4, 7));
        // 4,000 less 3,400 of CPU is 15 % idle; 7 of 4,000 bytes are used.
        assert!((found.waste - (0.15 + 3993.0 / 4000.0)).abs() < 1e-12);
    }

    #[test]
    fn no_more_nodes_than_allowed_and_none_for_what_never_fits() {
        assert_eq!(nodes_needed(NODE, &[waiting(600, 5)], 2).pods, 2);
        assert_eq!(nodes_needed(NODE, &[waiting(1001, 5)], 9).nodes, 0);
        let apart = Waiting {
            per_node: 1,
            ..waiting(10, 3)
        };
        assert_eq!(nodes_needed(NODE, &[apart], 9).nodes, 3);
    }

    #[test]
    fn nodes_on_their_way_are_used_first() {
        let mut rooms = [NODE];
        assert_eq!(place_on(&mut rooms, &[waiting(300, 5)])[0].pods, 2);
    }
}
