use super::*;

#[test]
fn the_committed_reference_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/columns.md");
    if std::env::var_os("CUTOVER_UPDATE").is_some() {
        std::fs::write(path, reference()).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(path).unwrap(),
        reference(),
        "run the tests with CUTOVER_UPDATE=1"
    );
}

#[test]
fn no_table_names_a_column_twice() {
    for table in TABLES {
        let mut names: Vec<_> = table.columns.iter().map(|column| column.0).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), table.columns.len(), "{}", table.file);
    }
}
