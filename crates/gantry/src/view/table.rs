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
///
/// Of ten thousand rows each cell would be a text of its own, and most of the time would go into their memory: all
/// letters are in one place.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<Column>,
    /// The letters of all cells, one after the other.
    letters: String,
    /// What is in one tone: where it ends among the letters.
    pieces: Vec<(usize, Tone)>,
    /// Row by row; the first row has the titles.
    cells: Vec<Cell>,
}

#[derive(Debug, Clone, Copy)]
struct Cell {
    /// Where it ends among the pieces.
    end: u32,
    width: u32,
}

/// Blanks between two columns.
const GAP: usize = 2;
/// What a last column has at least before it is cut.
const LEAST: usize = 12;

impl Table {
    /// An empty one.
    pub(crate) fn new(columns: impl IntoIterator<Item = Column>) -> Self {
        let columns: Vec<Column> = columns.into_iter().collect();
        let titles = columns.iter().map(|column| column.title);
        let titles: Vec<Text> = titles.map(|title| Text::of(Tone::Dim, title)).collect();
        let mut table = Self {
            columns,
            letters: String::new(),
            pieces: Vec::new(),
            cells: Vec::new(),
        };
        table.row(titles);
        table
    }

    /// Add a row; it has as many cells as there are columns.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Text>) {
        for cell in cells {
            for (tone, text) in cell.pieces() {
                self.letters.push_str(text);
                if !text.is_empty() {
                    self.pieces.push((self.letters.len(), tone));
                }
            }
            self.cells.push(Cell {
                end: u32::try_from(self.pieces.len()).unwrap_or(u32::MAX),
                width: u32::try_from(cell.width()).unwrap_or(u32::MAX),
            });
        }
        debug_assert_eq!(self.cells.len() % self.columns.len(), 0);
    }

    fn rows(&self) -> usize {
        self.cells.len() / self.columns.len().max(1)
    }

    fn width(&self, cell: usize) -> usize {
        self.cells[cell].width as usize
    }

    /// Put a cell at the end of a line.
    fn put(&self, cell: usize, line: &mut Text) {
        let before = |index: usize| index.checked_sub(1);
        let first = before(cell).map_or(0, |cell| self.cells[cell].end as usize);
        let mut begin = before(first).map_or(0, |piece| self.pieces[piece].0);
        for (end, tone) in &self.pieces[first..self.cells[cell].end as usize] {
            line.push(*tone, &self.letters[begin..*end]);
            begin = *end;
        }
    }

    /// Its lines. Columns in which no row has anything are left out. Where the width is limited the
    /// last column is the one with the long words: what it has no room for goes on a line of its own.
    pub(crate) fn lines(&self, width: Option<usize>) -> Vec<Text> {
        let mut lines = Vec::with_capacity(self.rows());
        self.each_line(width, &mut |line| lines.push(line.clone()));
        lines
    }

    /// The same, one at a time.
    pub(crate) fn each_line(&self, width: Option<usize>, put: &mut dyn FnMut(&Text)) {
        let columns = self.columns.len();
        let mut widest = vec![0; columns];
        for row in self.cells.chunks_exact(columns.max(1)).skip(1) {
            for (widest, cell) in widest.iter_mut().zip(row) {
                *widest = cell.width.max(*widest);
            }
        }
        let used: Vec<usize> = (0..columns).filter(|index| widest[*index] > 0).collect();
        let widths: Vec<usize> = used
            .iter()
            .map(|index| {
                self.columns[*index]
                    .title
                    .len()
                    .max(widest[*index] as usize)
            })
            .collect();
        let before: usize = widths
            .iter()
            .take(widths.len().saturating_sub(1))
            .map(|width| width + GAP)
            .sum();
        let limit = width.map(|width| width.saturating_sub(before).max(LEAST));
        let last = used.len().saturating_sub(1);

        let mut line = Text::new();
        for row in 0..self.rows() {
            line.clear();
            let mut below = None;
            for (position, index) in used.iter().enumerate() {
                let cell = row * columns + index;
                let own = self.width(cell);
                let blanks = widths[position].saturating_sub(own);
                let right = self.columns[*index].right;
                if right {
                    line.push_blanks(blanks);
                }
                if position == last && !right && limit.is_some_and(|limit| own > limit) {
                    let mut text = Text::new().blanks(GAP);
                    self.put(cell, &mut text);
                    below = Some(text);
                } else {
                    self.put(cell, &mut line);
                }
                if position != last {
                    line.push_blanks(if right { GAP } else { blanks + GAP });
                }
            }
            put(&line);
            if let Some(below) = below {
                put(&below.cut(width.unwrap_or(usize::MAX)));
            }
        }
    }
}
