use camino::Utf8PathBuf;

use super::*;
use crate::{LogWriter, Policy, Stream, compress};

fn at(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(1_800_000_000_000_000 + micros).unwrap()
}

/// So many folders below one; source `s` writes a line at every microsecond that is `s` modulo their
/// number.
fn written(
    sources: usize,
    lines: usize,
    policy: Policy,
) -> (tempfile::TempDir, Vec<LogFolder>, Vec<String>) {
    let dir = tempfile::tempdir().unwrap();
    let root = Utf8PathBuf::from_path_buf(dir.path().to_owned()).unwrap();
    let folders: Vec<_> = (0..sources)
        .map(|source| LogFolder::new(root.join(format!("{source}/log"))))
        .collect();
    let mut scratch = Vec::new();
    for (source, folder) in folders.iter().enumerate() {
        let mut log = LogWriter::new(folder.clone(), policy);
        for number in (source..lines).step_by(sources) {
            let time = at(i64::try_from(number).unwrap());
            let line = format!("line {number}\n");
            log.append(Stream::Out, time, line.as_bytes(), &mut scratch)
                .unwrap();
        }
    }
    let wanted = (0..lines).map(|number| format!("line {number}")).collect();
    (dir, folders, wanted)
}

fn texts(merge: impl Iterator<Item = Merged>) -> Vec<String> {
    merge
        .map(|merged| merged.line.text().into_owned())
        .collect()
}

#[test]
fn more_folders_than_may_be_open_come_in_order_with_few_descriptors() {
    let policy = Policy {
        max_size: 3000,
        keep: 1000,
        ..Policy::default()
    };
    let (_dir, folders, wanted) = written(400, 80_000, policy);
    // Every kind of file, in one merge: plain and compressed.
    for folder in folders.iter().step_by(3) {
        compress(folder, || true).unwrap();
    }
    let mut merge = merge(&folders, &Query::default());
    let mut seen = Vec::new();
    let mut open = 0;
    while let Some(merged) = merge.next() {
        if seen.len() % 1000 == 0 {
            open = open.max(
                merge
                    .sources
                    .iter()
                    .filter(|source| source.is_open())
                    .count(),
            );
        }
        seen.push(merged.line.text().into_owned());
    }
    assert!(seen == wanted);
    assert!((1..=OPEN).contains(&open), "{open} were open");
    assert_eq!(merge.troubles().count(), 0);
}

#[test]
fn a_tail_is_the_end_of_everything() {
    let policy = Policy {
        max_size: 1000,
        keep: 1000,
        ..Policy::default()
    };
    let (_dir, folders, wanted) = written(20, 5000, policy);
    compress(&folders[3], || true).unwrap();
    for tail in [1, 7, 100, 3000, 10_000] {
        let seen = texts(merge(&folders, &Query::tail(tail)));
        assert!(
            seen == wanted[wanted.len().saturating_sub(tail)..],
            "{tail}"
        );
    }
}

#[test]
fn times_select_in_plain_and_compressed_files() {
    let policy = Policy {
        max_size: 300_000,
        keep: 1000,
        ..Policy::default()
    };
    let (_dir, folders, _) = written(2, 60_000, policy);
    compress(&folders[1], || true).unwrap();
    // Seconds rather than microseconds apart: wider than any tolerance.
    for (since, until) in [
        (0, 10),
        (29_990, 30_010),
        (59_995, 70_000),
        (12_345, 12_345),
    ] {
        let query = Query {
            since: Some(at(since)),
            until: Some(at(until)),
            ..Query::default()
        };
        let wanted: Vec<_> = (since..=until.min(59_999))
            .map(|number| format!("line {number}"))
            .collect();
        assert!(texts(merge(&folders, &query)) == wanted, "{since} {until}");
        let query = Query {
            tail: Some(3),
            ..query
        };
        let wanted = &wanted[wanted.len().saturating_sub(3)..];
        assert!(texts(merge(&folders, &query)) == wanted, "{since} {until}");
    }
}

#[test]
fn lines_of_one_source_stay_in_order_whatever_the_clock_does() {
    let dir = tempfile::tempdir().unwrap();
    let root = Utf8PathBuf::from_path_buf(dir.path().to_owned()).unwrap();
    let folders: Vec<_> = (0..3)
        .map(|source| LogFolder::new(root.join(source.to_string())))
        .collect();
    let mut logs: Vec<_> = folders
        .iter()
        .map(|folder| LogWriter::new(folder.clone(), Policy::default()))
        .collect();
    let hour = 3_600_000_000_i64;
    let mut scratch = Vec::new();
    let mut number = 0;
    // Forward, a leap ahead, back by more than that, and on.
    for clock in [0, 5 * hour, 3 * hour, -2 * hour, -hour] {
        for step in 0..200 {
            for log in &mut logs {
                let text = format!("{number} {}\n", "x".repeat(50));
                let time = at(clock + step * 1_000_000);
                log.append(Stream::Out, time, text.as_bytes(), &mut scratch)
                    .unwrap();
                number += 1;
            }
        }
    }
    let is_ours = |merged: &Merged| merged.line.stream == Stream::Out;
    let numbers = |merge: Merge, source: usize| -> Vec<i64> {
        merge
            .filter(|merged| is_ours(merged) && merged.source == source)
            .map(|merged| {
                merged
                    .line
                    .text()
                    .split(' ')
                    .next()
                    .unwrap()
                    .parse()
                    .unwrap()
            })
            .collect()
    };
    for source in 0..3_i64 {
        let wanted: Vec<_> = (0..1000).map(|line| line * 3 + source).collect();
        let source = usize::try_from(source).unwrap();
        assert!(numbers(merge(&folders, &Query::default()), source) == wanted);
    }
    // What a moment selects is right, wherever in the files it is.
    for since in [
        -2 * hour,
        -hour,
        0,
        hour,
        3 * hour,
        5 * hour,
        5 * hour + 100_000_000,
    ] {
        let query = Query {
            since: Some(at(since)),
            ..Query::default()
        };
        let seen = merge(&folders, &query).filter(is_ours).count();
        let wanted = [0, 5 * hour, 3 * hour, -2 * hour, -hour]
            .into_iter()
            .flat_map(|clock| (0..200).map(move |step| clock + step * 1_000_000))
            .filter(|time| *time >= since)
            .count();
        assert_eq!(seen, wanted * 3, "since {since}");
    }
}

#[test]
fn what_cannot_be_read_is_told_and_the_rest_is_read() {
    let policy = Policy {
        max_size: 2000,
        keep: 1000,
        ..Policy::default()
    };
    let (_dir, folders, wanted) = written(2, 400, policy);
    let files = folders[0].rotated().unwrap();
    compress(&folders[0], || true).unwrap();
    let packed = folders[0].rotated().unwrap();
    // A folder where a file should be, and a compressed file that is torn.
    std::fs::remove_file(&packed[1]).unwrap();
    std::fs::create_dir(&files[1]).unwrap();
    let torn = std::fs::read(&packed[2]).unwrap();
    std::fs::write(&packed[2], &torn[..torn.len() / 2]).unwrap();
    for query in [Query::default(), Query::tail(100_000)] {
        let mut merge = merge(&folders, &query);
        let seen = texts(merge.by_ref());
        assert!(seen.len() > wanted.len() / 2 && seen.len() < wanted.len());
        let odd = wanted.iter().skip(1).step_by(2);
        assert!(odd.clone().all(|line| seen.contains(line)));
        let troubles: Vec<_> = merge.troubles().map(|trouble| trouble.path).collect();
        assert_eq!(troubles, [files[1].clone(), packed[2].clone()]);
    }
    // The same of the file that is written.
    std::fs::remove_file(folders[1].current()).unwrap();
    std::fs::create_dir(folders[1].current()).unwrap();
    let mut merge = merge(&folders, &Query::default());
    assert!(merge.by_ref().count() > 100);
    assert!(
        merge
            .troubles()
            .any(|trouble| trouble.path == folders[1].current())
    );
}
