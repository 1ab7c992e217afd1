//! `PodTopologySpread`: pods of one kind over hosts, zones, or any other domain.

use super::MAX_SCORE;

/// Domain of a node without the label.
pub const ABSENT: u32 = u32::MAX;

/// The domain of every node under one label: dense numbers from 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Domains {
    /// By node; `ABSENT` without the label.
    pub of_node: Vec<u32>,
    /// How many there are.
    pub count: usize,
}

/// Pods that one constraint counts, by domain. Kept between pods: only what was touched is cleared.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    counts: Vec<u32>,
    touched: Vec<u32>,
}

impl Tally {
    /// Forgets all counts.
    pub fn clear(&mut self, domains: usize) {
        for domain in self.touched.drain(..) {
            self.counts[domain as usize] = 0;
        }
        self.counts.resize(domains.max(self.counts.len()), 0);
    }

    /// Counts pods in a domain.
    pub fn add(&mut self, domain: u32, pods: u32) {
        let count = &mut self.counts[domain as usize];
        if *count == 0 && pods > 0 {
            self.touched.push(domain);
        }
        *count += pods;
    }

    /// Leaves one pod of a domain out, if there is one.
    pub fn leave_out(&mut self, domain: u32) {
        let count = &mut self.counts[domain as usize];
        *count = count.saturating_sub(1);
    }

    /// Pods in a domain.
    #[must_use]
    pub fn get(&self, domain: u32) -> u32 {
        self.counts[domain as usize]
    }

    /// Pods in all domains.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.touched
            .iter()
            .map(|domain| self.counts[*domain as usize])
            .sum()
    }

    /// Fewest pods over `eligible` domains, given in any order; 0 when there is none.
    pub fn least(&self, eligible: impl Iterator<Item = u32>) -> u32 {
        eligible.map(|domain| self.get(domain)).min().unwrap_or(0)
    }
}

/// Whether a node has the label of every term: neither it nor its pods count otherwise.
#[must_use]
pub fn takes_part(terms: &[&Domains], node: usize) -> bool {
    terms.iter().all(|domains| domains.of_node[node] != ABSENT)
}

/// Score of each candidate, 0 to 100, in their order. A term is its largest skew, its domains and its
/// counts. A candidate that lacks a label of any term scores 0 and does not take part.
///
/// Raw, a node has the sum over terms of pods in its domain times `ln(domains + 2)`, plus the skew less 1
/// (domains: those of the candidates); normalised, the least is 100. Source: upstream's `scoreForCount`,
/// `topologyNormalizingWeight` and `NormalizeScore`.
#[must_use]
pub fn spread_scores(terms: &[(u32, &Domains, &Tally)], candidates: &[usize]) -> Vec<u64> {
    let labels: Vec<&Domains> = terms.iter().map(|(_, domains, _)| *domains).collect();
    let takes_part = |node: usize| takes_part(&labels, node);
    let mut seen = Vec::new();
    let weights: Vec<f64> = terms
        .iter()
        .map(|(_, domains, _)| {
            if domains.count == domains.of_node.len() {
                // Every node is a domain of its own.
                let nodes = candidates.iter().filter(|node| takes_part(**node)).count();
                return libm::log((nodes + 2) as f64);
            }
            seen.clear();
            seen.resize(domains.count, false);
            let mut distinct = 0_u32;
            for node in candidates.iter().filter(|node| takes_part(**node)) {
                let place = &mut seen[domains.of_node[*node] as usize];
                distinct += u32::from(!*place);
                *place = true;
            }
            libm::log(f64::from(distinct + 2))
        })
        .collect();
    let raw_of = |counts: &mut dyn Iterator<Item = u32>| {
        let parts = terms.iter().zip(&weights).zip(counts);
        let sum: f64 = parts
            .map(|(((max_skew, _, _), weight), count)| {
                f64::from(count) * weight + f64::from(max_skew.saturating_sub(1))
            })
            .sum();
        libm::round(sum) as u64
    };
    // Most candidates share their counts with one of the last few: hosts have one such pod or none.
    let mut known: [Option<([u32; 2], u64)>; 8] = [None; 8];
    let mut next = 0;
    let raw: Vec<Option<u64>> = candidates
        .iter()
        .map(|node| {
            let count = |(_, domains, tally): &(u32, &Domains, &Tally)| {
                let domain = domains.of_node[*node];
                (domain != ABSENT).then(|| tally.get(domain))
            };
            let counts = match terms {
                [first, second] => [count(first)?, count(second)?],
                _ => {
                    return takes_part(*node).then(|| raw_of(&mut terms.iter().filter_map(count)));
                }
            };
            let found = known.iter().flatten().find(|(key, _)| *key == counts);
            if let Some((_, raw)) = found {
                return Some(*raw);
            }
            let raw = raw_of(&mut counts.into_iter());
            known[next] = Some((counts, raw));
            next = (next + 1) % known.len();
            Some(raw)
        })
        .collect();
    let least = raw.iter().flatten().copied().min().unwrap_or(0);
    let most = raw.iter().flatten().copied().max().unwrap_or(0);
    raw.into_iter()
        .map(|raw| match raw {
            None => 0,
            Some(_) if most == 0 => MAX_SCORE,
            Some(raw) => MAX_SCORE * (most + least - raw) / most,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(counts: &[u32]) -> Tally {
        let mut tally = Tally::default();
        tally.clear(counts.len());
        for (domain, pods) in counts.iter().enumerate() {
            tally.add(domain as u32, *pods);
        }
        tally
    }

    fn hosts(count: usize) -> Domains {
        Domains {
            of_node: (0..count as u32).collect(),
            count,
        }
    }

    #[test]
    fn the_host_with_fewest_pods_has_100() {
        // ln(4 + 2) = 1.79: raw 4 (3.58), 2 (1.79), 0, 5 (5.38); 100 (5 + 0 - raw) / 5.
        let (domains, counts) = (hosts(4), tally(&[2, 1, 0, 3]));
        assert_eq!(
            spread_scores(&[(1, &domains, &counts)], &[0, 1, 2, 3]),
            [20, 60, 100, 0]
        );
    }

    #[test]
    fn a_node_without_the_label_scores_0_and_is_left_out() {
        let domains = Domains {
            of_node: vec![0, ABSENT, 1],
            count: 2,
        };
        let counts = tally(&[1, 0]);
        // ln(2 + 2) = 1.386: raw 1 and 0.
        assert_eq!(
            spread_scores(&[(1, &domains, &counts)], &[0, 1, 2]),
            [0, 0, 100]
        );
    }

    #[test]
    fn candidates_of_equal_counts_share_a_score_and_nothing_else_changes() {
        // Sixty hosts in three zones, some without a zone, up to nine pods a host: more pairs of counts than are kept.
        let hash = |node: u32| node.wrapping_mul(0x9e37_79b9) >> 16;
        let zones = Domains {
            of_node: (0..60)
                .map(|node| if node % 17 == 3 { ABSENT } else { node % 3 })
                .collect(),
            count: 3,
        };
        let (hosts, pods): (_, Vec<u32>) =
            (hosts(60), (0..60).map(|node| hash(node) % 10).collect());
        let in_zone = |zone: u32| {
            let nodes = (0..60_u32).filter(|node| zones.of_node[*node as usize] == zone);
            nodes.map(|node| pods[node as usize]).sum::<u32>()
        };
        let zone_pods: Vec<u32> = (0..3).map(in_zone).collect();
        let (by_host, by_zone) = (tally(&pods), tally(&zone_pods));
        let candidates: Vec<usize> = (0..60).filter(|node| node % 5 != 0).collect();
        let takes_part = |node: &usize| zones.of_node[*node] != ABSENT;
        let part: Vec<usize> = candidates.iter().copied().filter(takes_part).collect();
        // The formula, candidate by candidate: skews of 2 and 5, so 1 and 4 more.
        let raw = |node: usize| {
            let host = f64::from(pods[node]) * libm::log((part.len() + 2) as f64) + 1.0;
            let zone = f64::from(zone_pods[zones.of_node[node] as usize]) * libm::log(5.0) + 4.0;
            libm::round(host + zone) as u64
        };
        let least = part.iter().map(|node| raw(*node)).min().unwrap();
        let most = part.iter().map(|node| raw(*node)).max().unwrap();
        let wanted: Vec<u64> = candidates
            .iter()
            .map(|node| {
                if takes_part(node) {
                    100 * (most + least - raw(*node)) / most
                } else {
                    0
                }
            })
            .collect();
        let terms = [(2, &hosts, &by_host), (5, &zones, &by_zone)];
        assert_eq!(spread_scores(&terms, &candidates), wanted);
    }

    #[test]
    fn without_any_pod_all_are_equal() {
        let (domains, counts) = (hosts(2), tally(&[0, 0]));
        assert_eq!(
            spread_scores(&[(1, &domains, &counts)], &[0, 1]),
            [100, 100]
        );
    }

    #[test]
    fn a_tally_that_is_cleared_has_nothing_left() {
        let mut counts = tally(&[3, 0, 1]);
        assert_eq!((counts.total(), counts.least(0..3)), (4, 0));
        counts.clear(3);
        assert_eq!((counts.total(), counts.get(0)), (0, 0));
    }
}
