//! Waiting rooms whose order is not that of arrival: priorities, newest first, and who leaves early.

use std::collections::VecDeque;

use crate::model::QueueOrder;

/// Who waits, by priority, then by order.
#[derive(Clone, Debug)]
pub struct WaitingRoom {
    order: QueueOrder,
    /// By priority, the largest first; each in order of arrival.
    classes: Vec<(i32, VecDeque<u32>)>,
    length: u32,
}

impl WaitingRoom {
    /// An empty room.
    pub fn new(order: QueueOrder) -> Self {
        Self {
            order,
            classes: Vec::new(),
            length: 0,
        }
    }

    /// How many wait.
    pub fn length(&self) -> u32 {
        self.length
    }

    fn class(&mut self, priority: i32) -> &mut VecDeque<u32> {
        let found = self
            .classes
            .binary_search_by(|(other, _)| priority.cmp(other));
        let index = found.unwrap_or_else(|index| {
            self.classes.insert(index, (priority, VecDeque::new()));
            index
        });
        &mut self.classes[index].1
    }

    /// A request comes.
    pub fn add(&mut self, slot: u32, priority: i32) {
        self.class(priority).push_back(slot);
        self.length += 1;
    }

    /// A request that was here already comes back, before all others of its priority.
    pub fn put_back(&mut self, slot: u32, priority: i32) {
        self.class(priority).push_front(slot);
        self.length += 1;
    }

    /// Who is next leaves.
    pub fn next(&mut self) -> Option<u32> {
        let newest = match self.order {
            QueueOrder::Fifo => false,
            QueueOrder::Lifo => true,
            QueueOrder::AdaptiveLifo { above } => self.length > above,
        };
        let (_, class) = self.classes.iter_mut().find(|class| !class.1.is_empty())?;
        self.length -= 1;
        if newest {
            class.pop_back()
        } else {
            class.pop_front()
        }
    }

    /// A request leaves without having been served. It is looked for from the oldest on.
    pub fn remove(&mut self, slot: u32, priority: i32) -> bool {
        let class = self.class(priority);
        let Some(place) = class.iter().position(|other| *other == slot) else {
            return false;
        };
        class.remove(place);
        self.length -= 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn served(order: QueueOrder, arrivals: &[(u32, i32)]) -> Vec<u32> {
        let mut room = WaitingRoom::new(order);
        for (slot, priority) in arrivals {
            room.add(*slot, *priority);
        }
        std::iter::from_fn(|| room.next()).collect()
    }

    #[test]
    fn orders_serve_as_they_are_named() {
        let four = [(1, 0), (2, 0), (3, 0), (4, 0)];
        assert_eq!(served(QueueOrder::Fifo, &four), [1, 2, 3, 4]);
        assert_eq!(served(QueueOrder::Lifo, &four), [4, 3, 2, 1]);
        // More than two wait: the newest; then in order again.
        let adaptive = QueueOrder::AdaptiveLifo { above: 2 };
        assert_eq!(served(adaptive, &four), [4, 3, 1, 2]);
    }

    #[test]
    fn a_larger_priority_goes_first() {
        let arrivals = [(1, 0), (2, 5), (3, -1), (4, 5)];
        assert_eq!(served(QueueOrder::Fifo, &arrivals), [2, 4, 1, 3]);
        assert_eq!(served(QueueOrder::Lifo, &arrivals), [4, 2, 1, 3]);
    }

    #[test]
    fn who_leaves_is_not_served_and_who_comes_back_is_first() {
        let mut room = WaitingRoom::new(QueueOrder::Fifo);
        (1..=3).for_each(|slot| room.add(slot, 0));
        assert!(room.remove(2, 0) && !room.remove(2, 0));
        room.put_back(9, 0);
        assert_eq!(room.length(), 3);
        assert_eq!(
            std::iter::from_fn(|| room.next()).collect::<Vec<_>>(),
            [9, 1, 3]
        );
        assert_eq!(room.length(), 0);
    }
}
