//! Traffic between move groups, and the shape of who calls whom: cycles, heights, callers.

use crate::plan::known::{Group, KnownEdge, KnownService};

/// The graph over move groups that strategies order.
#[derive(Clone, Debug, Default)]
pub struct GroupGraph {
    /// For each group its neighbours with the calls a second both ways, by neighbour.
    pub neighbours: Vec<Vec<(usize, f64)>>,
    /// Calls a second with services that stay in the source, by group.
    pub with_source: Vec<f64>,
    /// Calls a second with services that are on the target already, by group.
    pub with_target: Vec<f64>,
    /// For each group whom it calls, sorted.
    pub callees: Vec<Vec<usize>>,
    /// For each group who calls it, sorted.
    pub callers: Vec<Vec<usize>>,
    /// Whether weights are numbers of edges, because no users' load is known.
    pub unweighted: bool,
}

impl GroupGraph {
    /// Sums the services' calls by group. Without any traffic each caller-callee pair weighs 1.
    #[must_use]
    pub fn new(
        groups: &[Group],
        group_of: &[Option<usize>],
        edges: &[KnownEdge],
        services: &[KnownService],
    ) -> Self {
        let n = groups.len();
        let unweighted = edges.iter().all(|edge| edge.calls <= 0.0);
        let mut graph = Self {
            neighbours: vec![Vec::new(); n],
            with_source: vec![0.0; n],
            with_target: vec![0.0; n],
            callees: vec![Vec::new(); n],
            callers: vec![Vec::new(); n],
            unweighted,
        };
        for edge in edges {
            let weight = if unweighted { 1.0 } else { edge.calls };
            match (group_of[edge.caller], group_of[edge.callee]) {
                (Some(a), Some(b)) if a != b => {
                    graph.neighbours[a].push((b, weight));
                    graph.neighbours[b].push((a, weight));
                    graph.callees[a].push(b);
                    graph.callers[b].push(a);
                }
                (Some(group), None) => graph.add_fixed(group, weight, &services[edge.callee]),
                (None, Some(group)) => graph.add_fixed(group, weight, &services[edge.caller]),
                _ => {}
            }
        }
        for list in &mut graph.neighbours {
            list.sort_by_key(|(neighbour, _)| *neighbour);
            let mut merged: Vec<(usize, f64)> = Vec::with_capacity(list.len());
            for (neighbour, weight) in list.drain(..) {
                match merged.last_mut().filter(|(last, _)| *last == neighbour) {
                    Some((_, sum)) => *sum += weight,
                    None => merged.push((neighbour, weight)),
                }
            }
            *list = merged;
        }
        for list in graph.callees.iter_mut().chain(&mut graph.callers) {
            list.sort_unstable();
            list.dedup();
        }
        graph
    }

    fn add_fixed(&mut self, group: usize, weight: f64, other: &KnownService) {
        if other.stays_on_target {
            self.with_target[group] += weight;
        } else {
            self.with_source[group] += weight;
        }
    }

    /// Number of groups.
    #[must_use]
    pub fn len(&self) -> usize {
        self.neighbours.len()
    }

    /// Whether there is nothing to order.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.neighbours.is_empty()
    }

    /// Calls a second with all other groups.
    #[must_use]
    pub fn total(&self, group: usize) -> f64 {
        self.neighbours[group]
            .iter()
            .map(|(_, weight)| weight)
            .sum()
    }

    /// Sum over time of the calls that cross when groups move one a step in this order (the minimum linear
    /// arrangement's objective, with the calls to services that stay): `sum` and `peak` of the cut.
    ///
    /// # Panics
    /// When `order` is no permutation of the groups.
    #[must_use]
    pub fn cuts(&self, order: &[usize]) -> (f64, f64) {
        assert_eq!(order.len(), self.len(), "an order of all groups");
        let mut moved = vec![false; self.len()];
        let mut cut: f64 = self.with_target.iter().sum();
        let (mut sum, mut peak) = (0.0, cut);
        for group in order {
            cut += self.change(*group, &moved);
            moved[*group] = true;
            sum += cut;
            peak = f64::max(peak, cut);
        }
        (sum, peak)
    }

    /// By how much the crossing calls grow when `group` moves next.
    #[must_use]
    pub fn change(&self, group: usize, moved: &[bool]) -> f64 {
        let between: f64 = self.neighbours[group]
            .iter()
            .map(|(other, weight)| if moved[*other] { -weight } else { *weight })
            .sum();
        between + self.with_source[group] - self.with_target[group]
    }

    /// The component of each group when cycles of calls are condensed, components numbered callees first.
    #[must_use]
    pub fn components(&self) -> Vec<usize> {
        let mut state = Tarjan {
            graph: self,
            index: vec![usize::MAX; self.len()],
            low: vec![0; self.len()],
            on_stack: vec![false; self.len()],
            stack: Vec::new(),
            next: 0,
            component: vec![usize::MAX; self.len()],
            components: 0,
        };
        for group in 0..self.len() {
            if state.index[group] == usize::MAX {
                state.visit(group);
            }
        }
        state.component
    }

    /// Longest path of calls to a group that calls none, cycles condensed, by group.
    #[must_use]
    pub fn heights(&self) -> Vec<usize> {
        let component = self.components();
        let count = component.iter().max().map_or(0, |last| last + 1);
        let mut members = vec![Vec::new(); count];
        for (group, component) in component.iter().enumerate() {
            members[*component].push(group);
        }
        // Components are numbered callees first: each callee's height is known before its callers'.
        let mut height = vec![0; count];
        for (at, groups) in members.iter().enumerate() {
            height[at] = groups
                .iter()
                .flat_map(|group| &self.callees[*group])
                .filter(|callee| component[**callee] != at)
                .map(|callee| height[component[*callee]] + 1)
                .max()
                .unwrap_or(0);
        }
        component
            .iter()
            .map(|component| height[*component])
            .collect()
    }
}

/// Strongly connected components by Tarjan's algorithm, without recursion.
struct Tarjan<'a> {
    graph: &'a GroupGraph,
    index: Vec<usize>,
    low: Vec<usize>,
    on_stack: Vec<bool>,
    stack: Vec<usize>,
    next: usize,
    component: Vec<usize>,
    components: usize,
}

impl Tarjan<'_> {
    fn enter(&mut self, group: usize) {
        self.index[group] = self.next;
        self.low[group] = self.next;
        self.next += 1;
        self.stack.push(group);
        self.on_stack[group] = true;
    }

    fn visit(&mut self, root: usize) {
        let mut path = vec![(root, 0)];
        self.enter(root);
        while let Some((group, edge)) = path.last_mut() {
            let group = *group;
            if let Some(&callee) = self.graph.callees[group].get(*edge) {
                *edge += 1;
                if self.index[callee] == usize::MAX {
                    self.enter(callee);
                    path.push((callee, 0));
                } else if self.on_stack[callee] {
                    self.low[group] = self.low[group].min(self.index[callee]);
                }
                continue;
            }
            path.pop();
            if let Some((caller, _)) = path.last() {
                self.low[*caller] = self.low[*caller].min(self.low[group]);
            }
            if self.low[group] == self.index[group] {
                self.close(group);
            }
        }
    }

    fn close(&mut self, group: usize) {
        while let Some(member) = self.stack.pop() {
            self.on_stack[member] = false;
            self.component[member] = self.components;
            if member == group {
                break;
            }
        }
        self.components += 1;
    }
}
