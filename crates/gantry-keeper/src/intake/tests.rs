use camino::Utf8PathBuf;

use super::*;

fn intake() -> (tempfile::TempDir, Intake) {
    let folder = tempfile::tempdir().unwrap();
    let path = Utf8PathBuf::from_path_buf(folder.path().join("intent")).unwrap();
    let null = std::fs::File::options()
        .read(true)
        .write(true)
        .open("/dev/null")
        .unwrap();
    let (intake, _) = Intake::new(null.as_fd(), &path).unwrap();
    (folder, intake)
}

#[test]
fn what_is_looked_at_stays_until_it_is_taken() {
    let (_folder, intake) = intake();
    let pipe = gantry_sys::Pipes::new().unwrap().make().unwrap();
    let mut buffer = vec![0; 64 * 1024];
    assert_eq!(
        intake.peek(&pipe.read, &mut buffer),
        Err(rustix::io::Errno::AGAIN)
    );
    rustix::io::write(&pipe.write, b"one\ntwo\n").unwrap();
    for _ in 0..2 {
        assert_eq!(intake.peek(&pipe.read, &mut buffer), Ok(8));
        assert_eq!(&buffer[..8], b"one\ntwo\n");
    }
    // More may come between the look and the taking; it is not taken along.
    rustix::io::write(&pipe.write, b"three\n").unwrap();
    intake.take(&pipe.read, 4).unwrap();
    assert_eq!(intake.staged(), 4);
    intake.empty(4);
    assert_eq!(intake.staged(), 0);
    assert_eq!(intake.peek(&pipe.read, &mut buffer), Ok(10));
    assert_eq!(&buffer[..10], b"two\nthree\n");
    intake.take(&pipe.read, 10).unwrap();
    drop(pipe.write);
    assert_eq!(intake.peek(&pipe.read, &mut buffer), Ok(0));
}

#[test]
fn a_full_pipe_goes_through_in_one_piece() {
    let (_folder, intake) = intake();
    let pipe = gantry_sys::Pipes::new().unwrap().make().unwrap();
    let mut wanted = Vec::new();
    // Pieces of odd sizes, which share pages or do not.
    let line = [b'x'; 700];
    rustix::io::ioctl_fionbio(&pipe.write, true).unwrap();
    while let Ok(length) = rustix::io::write(&pipe.write, &line) {
        wanted.extend_from_slice(&line[..length]);
    }
    let mut buffer = vec![0; 64 * 1024];
    let length = intake.peek(&pipe.read, &mut buffer).unwrap();
    assert_eq!(length, wanted.len());
    assert!(buffer[..length] == wanted);
    intake.take(&pipe.read, length).unwrap();
    assert_eq!(intake.staged(), length as u64);
    intake.empty_stage();
    assert_eq!(
        intake.peek(&pipe.read, &mut buffer),
        Err(rustix::io::Errno::AGAIN)
    );
}
