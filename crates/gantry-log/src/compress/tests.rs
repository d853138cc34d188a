use std::io::Read;

use jiff::Timestamp;

use super::*;
use crate::{LogWriter, Policy, Stream};

fn written() -> (tempfile::TempDir, LogFolder) {
    let dir = tempfile::tempdir().unwrap();
    let folder = LogFolder::new(Utf8PathBuf::from_path_buf(dir.path().join("log")).unwrap());
    let policy = Policy {
        max_size: 2000,
        ..Policy::default()
    };
    let mut log = LogWriter::new(folder.clone(), policy);
    for number in 0..200 {
        let at = Timestamp::from_microsecond(1_800_000_000_000_000 + number).unwrap();
        let line = format!("line {number}\n");
        log.append(Stream::Out, at, line.as_bytes(), &mut Vec::new())
            .unwrap();
    }
    (dir, folder)
}

fn unpacked(path: &Utf8Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(File::open(path).unwrap())
        .read_to_end(&mut bytes)
        .unwrap();
    bytes
}

#[test]
fn files_are_replaced_by_what_unpacks_to_them() {
    let (_dir, folder) = written();
    let plain: Vec<_> = folder.rotated().unwrap();
    assert_eq!(plain.len(), 4);
    let wanted: Vec<_> = plain.iter().map(|path| fs::read(path).unwrap()).collect();
    let done = compress(&folder, || true).unwrap();
    assert_eq!(done.files, 4);
    assert!(done.after < done.before, "{done:?}");
    let packed = folder.rotated().unwrap();
    assert!(packed.iter().all(|path| name::is_packed(path)));
    let seen: Vec<_> = packed.iter().map(|path| unpacked(path)).collect();
    assert_eq!(seen, wanted);
    assert!(plain.iter().all(|path| !path.exists()));
    assert!(folder.current().exists());
    assert_eq!(compress(&folder, || true).unwrap(), Compressed::default());
}

#[test]
fn the_newest_are_first_and_it_can_be_stopped() {
    let (_dir, folder) = written();
    let mut turns = [true, false].into_iter();
    let done = compress(&folder, || turns.next().unwrap()).unwrap();
    assert_eq!(done.files, 1);
    let packed: Vec<_> = folder.rotated().unwrap();
    let packed: Vec<_> = packed.iter().map(|path| name::is_packed(path)).collect();
    assert_eq!(packed, [false, false, false, true]);
}

#[test]
fn whatever_was_interrupted_the_plain_file_counts_and_the_next_finishes() {
    let (_dir, folder) = written();
    let plain = folder.rotated().unwrap();
    let stem = plain[0].file_name().unwrap();
    let path = |name: String| folder.path().join(name);
    // Killed while it wrote, and another one between the rename and the removal.
    fs::write(path(name::unfinished(stem)), "half").unwrap();
    let other = plain[1].file_name().unwrap();
    fs::write(path(name::packed(other)), "whatever").unwrap();
    assert_eq!(folder.rotated().unwrap(), plain);
    let wanted = fs::read(&plain[1]).unwrap();
    assert_eq!(compress(&folder, || true).unwrap().files, 4);
    assert!(!path(name::unfinished(stem)).exists());
    assert_eq!(unpacked(&folder.rotated().unwrap()[1]), wanted);
}

#[test]
fn a_folder_that_is_not_there_is_no_trouble() {
    let folder = LogFolder::new("/nonexistent/log");
    assert_eq!(compress(&folder, || true).unwrap(), Compressed::default());
}
