//! What every CSV table is made of: documented columns, and rows that have a cell for each.

/// A column: name, unit (empty for text), meaning.
pub type Column = (&'static str, &'static str, &'static str);

/// A table of the run folder.
pub struct Table {
    /// File name.
    pub file: &'static str,
    /// What a row is.
    pub row: &'static str,
    /// Columns in order.
    pub columns: &'static [Column],
}

pub(super) const REPLICATION: Column = ("replication", "number", "replication, from 0");

/// Rows of a table being written.
pub(super) struct Rows {
    writer: csv::Writer<Vec<u8>>,
    columns: usize,
}

impl Rows {
    pub(super) fn new(table: &Table) -> Self {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer
            .write_record(table.columns.iter().map(|column| column.0))
            .expect("writing to memory succeeds");
        Self {
            writer,
            columns: table.columns.len(),
        }
    }

    pub(super) fn add(&mut self, cells: &[String]) {
        assert_eq!(
            cells.len(),
            self.columns,
            "a row has a cell for each documented column"
        );
        self.writer
            .write_record(cells)
            .expect("writing to memory succeeds");
    }

    pub(super) fn bytes(self) -> Vec<u8> {
        self.writer
            .into_inner()
            .expect("writing to memory succeeds")
    }
}

/// Empty when it is no number.
pub(super) fn number(value: f64) -> String {
    if value.is_finite() {
        value.to_string()
    } else {
        String::new()
    }
}

/// Empty when unknown.
pub(super) fn known(value: Option<f64>) -> String {
    value.map_or_else(String::new, number)
}
