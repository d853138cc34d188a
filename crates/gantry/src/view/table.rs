//! Columns without lines between them.

use crate::style::{Text, Tone};

/// One column.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    title: &'static str,
    right: bool,
}

impl Column {
    /// Words, from the left.
    pub(crate) const fn left(title: &'static str) -> Self {
        Self {
            title,
            right: false,
        }
    }

    /// Numbers, from the right.
    pub(crate) const fn right(title: &'static str) -> Self {
        Self { title, right: true }
    }
}

/// Rows under titles.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Text>>,
}

/// Blanks between two columns.
const GAP: usize = 2;
/// What a last column has at least before it is cut.
const LEAST: usize = 12;

impl Table {
    /// An empty one.
    pub(crate) fn new(columns: impl IntoIterator<Item = Column>) -> Self {
        Self {
            columns: columns.into_iter().collect(),
            rows: Vec::new(),
        }
    }

    /// Add a row; it has as many cells as there are columns.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Text>) {
        let row: Vec<Text> = cells.into_iter().collect();
        debug_assert_eq!(row.len(), self.columns.len());
        self.rows.push(row);
    }

    /// Its lines. Columns in which no row has anything are left out. Where the width is limited the
    /// last column is the one with the long words: what it has no room for goes on a line of its own.
    pub(crate) fn lines(self, width: Option<usize>) -> Vec<Text> {
        let used: Vec<usize> = (0..self.columns.len())
            .filter(|index| self.rows.iter().any(|row| !row[*index].is_empty()))
            .collect();
        let widths: Vec<usize> = used
            .iter()
            .map(|index| {
                let cells = self.rows.iter().map(|row| row[*index].width());
                let title = self.columns[*index].title.len();
                cells.fold(title, usize::max)
            })
            .collect();
        let before: usize = widths
            .iter()
            .take(widths.len().saturating_sub(1))
            .map(|width| width + GAP)
            .sum();
        let limit = width.map(|width| width.saturating_sub(before).max(LEAST));
        let last = used.len().saturating_sub(1);

        let mut lines = Vec::with_capacity(self.rows.len() + 1);
        let mut put = |cells: &mut dyn Iterator<Item = Text>| {
            let mut line = Text::new();
            let mut below = None;
            for (position, cell) in cells.enumerate() {
                let own = cell.width();
                let blanks = widths[position].saturating_sub(own);
                if self.columns[used[position]].right {
                    line = line.blanks(blanks).join(cell);
                } else if position == last {
                    match limit.filter(|limit| own > *limit) {
                        Some(_) => below = Some(Text::new().blanks(GAP).join(cell)),
                        None => line = line.join(cell),
                    }
                } else {
                    line = line.join(cell).blanks(blanks);
                }
                if position != last {
                    line = line.blanks(GAP);
                }
            }
            lines.push(line);
            lines.extend(below.map(|below| below.cut(width.unwrap_or(usize::MAX))));
        };
        let titles = used.iter().map(|index| self.columns[*index].title);
        put(&mut titles.map(|title| Text::of(Tone::Dim, title)));
        for mut row in self.rows {
            put(&mut used.iter().map(|index| std::mem::take(&mut row[*index])));
        }
        lines
    }
}
