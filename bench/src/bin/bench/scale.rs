use crate::report::Row;
pub(crate) fn rows() -> Vec<Row> {
    Vec::new()
}
