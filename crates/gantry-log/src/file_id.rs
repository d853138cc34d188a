//! Knowing a file again after it was renamed or compressed.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};

/// So many bytes of its beginning name a file: the time of its first record, and some text.
const HEAD: usize = 64;

/// Names one file of a folder, whatever it is called. The number of an inode alone is not enough: that
/// of a removed file is given to the next one that is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileId {
    inode: u64,
    head: Vec<u8>,
}

impl FileId {
    pub(crate) fn of(file: &File) -> io::Result<Self> {
        Ok(Self {
            inode: file.metadata()?.ino(),
            head: head(file)?,
        })
    }

    pub(crate) fn inode(&self) -> u64 {
        self.inode
    }

    /// A file that was nearly empty has more to be known by when it has grown.
    pub(crate) fn learn(&mut self, file: &File) {
        if self.head.len() < HEAD
            && let Ok(head) = head(file)
        {
            self.head = head;
        }
    }

    pub(crate) fn is(&self, file: &File) -> bool {
        let same = file.metadata().is_ok_and(|file| file.ino() == self.inode);
        // A writer that takes its last records back makes it shorter.
        let is_ours = |head: Vec<u8>| {
            let common = head.len().min(self.head.len());
            head[..common] == self.head[..common] && (common > 0 || self.head.is_empty())
        };
        same && head(file).is_ok_and(is_ours)
    }

    /// Whether a compressed file with this content is ours. An empty file is never rotated.
    pub(crate) fn is_content(&self, content: &mut impl io::Read) -> bool {
        let mut head = vec![0; self.head.len()];
        !head.is_empty() && content.read_exact(&mut head).is_ok() && head == self.head
    }
}

fn head(file: &File) -> io::Result<Vec<u8>> {
    let mut head = vec![0; HEAD];
    let length = file.read_at(&mut head, 0)?;
    head.truncate(length);
    Ok(head)
}
