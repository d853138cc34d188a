use gantry_log::{LogFolder, LogWriter, Policy, Stream};
use jiff::Timestamp;

use super::Already;

#[test]
fn what_the_store_has_is_left_out_and_nothing_else() {
    let home = tempfile::tempdir().expect("a folder");
    let path = camino::Utf8Path::from_path(home.path()).expect("UTF-8");
    let folder = LogFolder::new(path.join("log"));
    let time =
        |micros: i64| Timestamp::from_microsecond(1_700_000_000_000_000 + micros).expect("a time");
    let mut none = Already::of(&folder, None);
    assert!(!none.has(time(0), Stream::Out));

    let mut writer = LogWriter::new(folder.clone(), Policy::default());
    for (stream, micros) in [
        (Stream::Out, 1),
        (Stream::Out, 5),
        (Stream::Err, 5),
        (Stream::Out, 5),
    ] {
        let written = writer.append(stream, time(micros), b"line\n", &mut Vec::new());
        written.expect("it is written");
    }
    let mut done = Already::of(&folder, None);
    assert!(done.has(time(1), Stream::Out));
    assert!(done.has(time(5), Stream::Out));
    assert!(done.has(time(5), Stream::Err));
    assert!(!done.has(time(5), Stream::Err), "a second of this moment");
    assert!(done.has(time(5), Stream::Out));
    assert!(!done.has(time(5), Stream::Out), "a third of this moment");
    assert!(!done.has(time(6), Stream::Out));
    // To a container that was made later, all this is somebody else's.
    let mut later = Already::of(&folder, Some(time(6)));
    assert!(!later.has(time(6), Stream::Out));
}
