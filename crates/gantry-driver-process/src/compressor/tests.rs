use std::time::Instant;

use gantry_keeper::protocol::InstanceName;
use gantry_log::{LogWriter, Policy, Query, Stream};

use super::*;

fn write(folder: &LogFolder) {
    let policy = Policy {
        max_size: 1000,
        keep: 100,
        ..Policy::default()
    };
    let mut log = LogWriter::new(folder.clone(), policy);
    for _ in 0..100 {
        log.append(Stream::Out, Timestamp::now(), b"a line\n", &mut Vec::new())
            .unwrap();
    }
}

fn wait_until_packed(folder: &LogFolder) {
    let deadline = Instant::now() + Duration::from_secs(30);
    let is_packed = |path: &Utf8PathBuf| path.extension() == Some("gz");
    loop {
        let files = folder.rotated().unwrap();
        if files.len() >= 3 && files.iter().all(is_packed) {
            return;
        }
        assert!(Instant::now() < deadline, "{files:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn who_wishes_it_is_compressed_and_a_new_supervisor_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let layout = Layout::new(Utf8PathBuf::from_path_buf(dir.path().to_owned()).unwrap());
    let log = |name: &str| LogFolder::new(layout.log(&InstanceName::new(name, 1).unwrap()));
    let (wants, not) = (log("wants"), log("not"));
    let first = Compressor::start(&layout);
    first.wish(wants.path().to_owned(), true);
    first.wish(not.path().to_owned(), false);
    write(&wants);
    write(&not);
    wait_until_packed(&wants);
    drop(first);
    // Rotated, and half compressed, while nobody was there.
    write(&wants);
    let plain = wants.rotated().unwrap().pop().unwrap();
    fs::write(format!("{plain}.gz.new"), "half").unwrap();
    let _second = Compressor::start(&layout);
    wait_until_packed(&wants);
    assert_eq!(wants.read(&Query::default()).unwrap().len(), 200);
    let files = not.rotated().unwrap();
    assert!(files.iter().all(|path| path.extension() == Some("log")));
    assert!(!not.path().join(MARK).exists());
}
