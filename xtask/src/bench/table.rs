//! Figures as a table that people can read in a terminal and paste into Markdown.

/// A table.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// With these heads.
    pub(crate) fn new(heads: &[&str]) -> Table {
        let heads = heads.iter().map(|head| (*head).to_owned()).collect();
        Table { rows: vec![heads] }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Every column as wide as its widest cell.
    pub(crate) fn show(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let cell = |row: &Vec<String>, i: usize| row.get(i).cloned().unwrap_or_default();
        let width = |i: usize| {
            let widths = self.rows.iter().map(|row| cell(row, i).chars().count());
            widths.max().unwrap_or_default()
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut out = String::new();
        for (n, row) in self.rows.iter().enumerate() {
            for (i, width) in widths.iter().enumerate() {
                out += &format!("| {:<width$} ", cell(row, i));
            }
            out += "|\n";
            if n == 0 {
                let rules = widths.iter().map(|width| "-".repeat(width + 2));
                out += &format!("|{}|\n", rules.collect::<Vec<_>>().join("|"));
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn columns_stand_below_each_other() {
        let mut table = Table::new(&["a", "µs"]);
        table.row(["1,000".to_owned(), "2".to_owned()]);
        table.row(["–".to_owned()]);
        assert_eq!(
            table.show(),
            "| a     | µs |\n|-------|----|\n| 1,000 | 2  |\n| –     |    |\n"
        );
    }
}
