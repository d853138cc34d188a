//! Logs as the first release wrote them, kept as files: every later one reads them and writes on.

use camino::Utf8PathBuf;
use gantry_log::{Follow, LogFolder, LogWriter, Policy, Query, Stream, compress};

const LINES: [(Stream, &[u8], bool); 7] = [
    (Stream::Out, b"starting", true),
    (Stream::Err, b"warning: \xff is no letter", true),
    (Stream::Out, b"half a line", true),
    (
        Stream::Keeper,
        b"the log could not be written: 12 bytes, 3 lines are missing",
        true,
    ),
    (Stream::Out, b"", true),
    (Stream::Err, b"carriage return\r", true),
    (Stream::Out, b"password: ", false),
];

fn copy() -> (tempfile::TempDir, LogFolder) {
    let dir = tempfile::tempdir().unwrap();
    let path = Utf8PathBuf::from_path_buf(dir.path().to_owned()).unwrap();
    for name in ["20261121T100000.123456Z.log", "current"] {
        let from = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oldest");
        std::fs::copy(format!("{from}/{name}"), path.join(name)).unwrap();
    }
    (dir, LogFolder::new(path))
}

#[test]
fn the_oldest_logs_are_read() {
    let (_dir, folder) = copy();
    for packed in [false, true] {
        if packed {
            assert_eq!(compress(&folder, || true).unwrap().files, 1);
        }
        let lines = folder.read(&Query::default()).unwrap();
        let seen: Vec<_> = lines
            .iter()
            .map(|line| (line.stream, line.text.as_slice(), line.complete))
            .collect();
        assert_eq!(seen, LINES);
        let since = Query {
            since: Some("2026-11-21T10:00:03Z".parse().unwrap()),
            ..Query::default()
        };
        assert_eq!(folder.read(&since).unwrap(), lines[5..]);
        assert_eq!(folder.read(&Query::tail(2)).unwrap(), lines[5..]);
    }
}

#[test]
fn the_oldest_logs_are_written_on_and_followed() {
    let (_dir, folder) = copy();
    let mut follow = Follow::new(&folder, Query::default());
    let mut log = LogWriter::new(folder.clone(), Policy::default());
    let at = "2026-11-21T10:00:05Z".parse().unwrap();
    log.append(Stream::Out, at, b"secret\nnext\n", &mut Vec::new())
        .unwrap();
    let texts = |lines: &[gantry_log::Line]| -> Vec<String> {
        lines.iter().map(|line| line.text().into_owned()).collect()
    };
    assert_eq!(texts(&follow.poll().unwrap()), ["secret", "next"]);
    let all = folder.read(&Query::tail(2)).unwrap();
    assert_eq!(texts(&all), ["password: secret", "next"]);
}
