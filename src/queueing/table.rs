//! Waits of a station as they were measured: by number of replicas and utilisation, in units of the mean service.
//!
//! What is kept is the wait times (1 - utilisation) / utilisation, which is nearly constant in the utilisation for
//! every station whose queue grows like 1 / (1 - utilisation), so that few points and straight lines between them do.

/// Measured waits of one kind of station.
#[derive(Clone, Debug, PartialEq)]
pub struct StationTable {
    /// Numbers of replicas, rising.
    pub replicas: Vec<u32>,
    /// Utilisations of what may be used in the long run, rising, in 0 to 1.
    pub loads: Vec<f64>,
    /// By replicas, then by load.
    pub cells: Vec<Cell>,
}

/// One measurement.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cell {
    /// Mean time beyond the service, in mean services.
    pub wait: f64,
    /// Variance of the whole time, in squared mean services.
    pub variance: f64,
}

impl StationTable {
    /// The time of a request: between rows straight in the inverse of the number of replicas, between columns straight
    /// in the wait times (1 - load) / load; beyond the edges that of the edge.
    #[must_use]
    pub fn at(&self, replicas: f64, load: f64) -> Cell {
        let load = load.clamp(0.0, 0.999);
        let inverse = |row: usize| 1.0 / f64::from(self.replicas[row]);
        let (row, part) = place(self.replicas.len(), &inverse, 1.0 / replicas.max(1.0));
        let (one, other) = (
            self.row(row, load),
            self.row((row + 1).min(self.replicas.len() - 1), load),
        );
        Cell {
            wait: one.wait + part * (other.wait - one.wait),
            variance: one.variance + part * (other.variance - one.variance),
        }
    }

    fn row(&self, row: usize, load: f64) -> Cell {
        let columns = self.loads.len();
        let scaled = |column: usize| {
            let (cell, at) = (self.cells[row * columns + column], self.loads[column]);
            (
                cell.wait * (1.0 - at) / at,
                cell.variance * (1.0 - at) * (1.0 - at),
            )
        };
        let (column, part) = place(columns, &|column| self.loads[column], load);
        let (one, other) = (scaled(column), scaled((column + 1).min(columns - 1)));
        let mix = |one: f64, other: f64| one + part * (other - one);
        let spare = 1.0 - load;
        Cell {
            wait: mix(one.0, other.0) * load / spare,
            variance: mix(one.1, other.1) / (spare * spare),
        }
    }
}

/// The step of a monotone sequence in which `value` lies, and how far in it, 0 to 1; edges where it lies beyond.
fn place(count: usize, sequence: &dyn Fn(usize) -> f64, value: f64) -> (usize, f64) {
    for step in 0..count.saturating_sub(1) {
        let (from, to) = (sequence(step), sequence(step + 1));
        let part = (value - from) / (to - from);
        if part < 0.0 {
            return (step, 0.0);
        }
        if part <= 1.0 {
            return (step, part);
        }
    }
    (count - 1, 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// M/M/1 for one replica, half of its wait for two: waits load / (1 - load), variance 1 / (1 - load)^2.
    fn table() -> StationTable {
        let loads = [0.3, 0.6, 0.9];
        let cells = [1.0, 0.5].map(|factor| {
            loads.iter().map(move |load: &f64| Cell {
                wait: factor * load / (1.0 - load),
                variance: factor / (1.0 - load) / (1.0 - load),
            })
        });
        StationTable {
            replicas: vec![1, 2],
            cells: cells.into_iter().flatten().collect(),
            loads: loads.to_vec(),
        }
    }

    #[test]
    fn the_law_that_it_is_straight_in_is_met_between_and_beyond_the_points() {
        for load in [0.05, 0.3, 0.45, 0.8, 0.95] {
            let found = table().at(1.0, load);
            assert!(
                (found.wait - load / (1.0 - load)).abs() < 1e-9,
                "{load}: {found:?}"
            );
            assert!((found.variance * (1.0 - load) * (1.0 - load) - 1.0).abs() < 1e-9);
            // Straight in the inverse: 4/3 replicas lie halfway between one and two.
            let between = table().at(4.0 / 3.0, load);
            assert!((between.wait - 0.75 * load / (1.0 - load)).abs() < 1e-9);
            assert_eq!(table().at(9.0, load), table().at(2.0, load));
        }
    }
}
