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
                cells
                    .chain([self.columns[*index].title.len()])
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        let before: usize = widths
            .iter()
            .take(widths.len().saturating_sub(1))
            .map(|width| width + GAP)
            .sum();
        let limit = width.map(|width| width.saturating_sub(before).max(LEAST));

        let line = |cells: Vec<Text>| {
            let mut line = Text::new();
            let mut below = None;
            let last = cells.len().saturating_sub(1);
            for (position, cell) in cells.into_iter().enumerate() {
                let blanks = widths[position].saturating_sub(cell.width());
                let right = self.columns[used[position]].right;
                if right {
                    line = line.plain(" ".repeat(blanks)).join(cell);
                } else if position == last {
                    match limit.filter(|limit| cell.width() > *limit) {
                        Some(_) => below = Some(Text::from(" ".repeat(GAP)).join(cell)),
                        None => line = line.join(cell),
                    }
                } else {
                    line = line.join(cell).plain(" ".repeat(blanks));
                }
                if position != last {
                    line = line.plain(" ".repeat(GAP));
                }
            }
            let whole = width.unwrap_or(usize::MAX);
            [Some(line), below.map(|below| below.cut(whole))]
                .into_iter()
                .flatten()
        };

        let titles = used
            .iter()
            .map(|index| Text::of(Tone::Dim, self.columns[*index].title))
            .collect();
        let mut lines: Vec<Text> = line(titles).collect();
        for mut row in self.rows {
            let cells = used.iter().map(|index| std::mem::take(&mut row[*index]));
            lines.extend(line(cells.collect()));
        }
        lines
    }
}
