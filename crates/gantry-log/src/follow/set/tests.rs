use camino::Utf8PathBuf;
use jiff::Timestamp;

use super::*;
use crate::{LogWriter, Policy, Stream, compress};

fn root(dir: &tempfile::TempDir) -> Utf8PathBuf {
    Utf8PathBuf::from_path_buf(dir.path().to_owned()).unwrap()
}

fn write(log: &mut LogWriter, text: &str) {
    log.append(
        Stream::Out,
        Timestamp::now(),
        text.as_bytes(),
        &mut Vec::new(),
    )
    .unwrap();
}

/// Polls until so many lines came.
fn collect(set: &mut FollowSet, lines: usize) -> Vec<(usize, String)> {
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut seen = Vec::new();
    while seen.len() < lines && Instant::now() < deadline {
        watch::wait(set.fd(), Duration::from_millis(20)).unwrap();
        let said = set.poll().into_iter();
        seen.extend(said.map(|one| (one.source, one.line.text().into_owned())));
    }
    seen
}

#[test]
fn many_are_followed_with_few_descriptors_wherever_they_are_made() {
    let dir = tempfile::tempdir().unwrap();
    let folders: Vec<_> = (0..300)
        .map(|source| LogFolder::new(root(&dir).join(format!("{source}/log"))))
        .collect();
    let mut logs: Vec<_> = folders
        .iter()
        .map(|folder| LogWriter::new(folder.clone(), Policy::default()))
        .collect();
    // Some write already, some have a folder to be made in, some have nothing.
    for log in &mut logs[..100] {
        write(log, "before\n");
    }
    for folder in &folders[100..200] {
        std::fs::create_dir(folder.path().parent().unwrap()).unwrap();
    }
    let mut set = FollowSet::default();
    assert_eq!(set.add(&folders, &Query::default()).count(), 100);
    for round in 0..3 {
        for (source, log) in logs.iter_mut().enumerate() {
            write(log, &format!("{source} in round {round}\n"));
            log.release();
        }
        let mut seen = collect(&mut set, 300);
        seen.sort();
        let wanted: Vec<_> = (0..300)
            .map(|source| (source, format!("{source} in round {round}")))
            .collect();
        assert!(seen == wanted, "{} lines in round {round}", seen.len());
        assert!(set.open.len() <= OPEN);
    }
    // A folder that is removed and made again.
    std::fs::remove_dir_all(folders[7].path()).unwrap();
    write(&mut logs[7], "again\n");
    let seen = collect(&mut set, 2);
    assert!(seen.contains(&(7, "again".to_owned())), "{seen:?}");
    assert!(set.troubles().is_empty());
}

#[test]
fn nothing_is_missed_or_doubled_while_all_is_rotated_and_compressed() {
    let dir = tempfile::tempdir().unwrap();
    let folders: Vec<_> = (0..4)
        .map(|source| LogFolder::new(root(&dir).join(format!("{source}/log"))))
        .collect();
    let mut set = FollowSet::default();
    assert_eq!(set.add(&folders, &Query::default()).count(), 0);
    let lines = 4000;
    let stop = std::sync::atomic::AtomicBool::new(false);
    let mut next = [0; 4];
    std::thread::scope(|scope| {
        for folder in &folders {
            scope.spawn(move || {
                let policy = Policy {
                    max_size: 3000,
                    keep: 10_000,
                    ..Policy::default()
                };
                let mut log = LogWriter::new(folder.clone(), policy);
                for number in 0..lines {
                    let line = format!("line {number}\n");
                    let (head, tail) = line.split_at(number % line.len());
                    write(&mut log, head);
                    write(&mut log, tail);
                }
            });
        }
        let (folders, stop) = (&folders, &stop);
        scope.spawn(move || {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                for folder in folders {
                    compress(folder, || true).unwrap();
                }
            }
        });
        let deadline = Instant::now() + Duration::from_mins(1);
        let mut wrong = Vec::new();
        while next != [lines; 4] && wrong.is_empty() && Instant::now() < deadline {
            // As if there were many more.
            for member in 0..4 {
                set.members[member].follow.release();
            }
            for one in set.poll() {
                let wanted = format!("line {}", next[one.source]);
                if one.line.text() != wanted {
                    wrong.push((one.source, wanted, one.line.text().into_owned()));
                }
                next[one.source] += 1;
            }
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(wrong.is_empty(), "{:?}", &wrong[..wrong.len().min(5)]);
    });
    assert_eq!(next, [lines; 4]);
    assert!(set.troubles().is_empty());
}

#[test]
fn what_was_kept_and_what_follows_meet() {
    let dir = tempfile::tempdir().unwrap();
    let folder = LogFolder::new(root(&dir).join("log"));
    let writer = std::thread::spawn({
        let folder = folder.clone();
        move || {
            let policy = Policy {
                max_size: 3000,
                keep: 10_000,
                ..Policy::default()
            };
            let mut log = LogWriter::new(folder, policy);
            for number in 0..5000 {
                write(&mut log, &format!("line {number}\n"));
            }
        }
    });
    // Begun at any moment of that.
    while !writer.is_finished() {
        let mut set = FollowSet::default();
        let kept = set.add(std::slice::from_ref(&folder), &Query::default());
        let mut seen: Vec<_> = kept.map(|one| one.line.text().into_owned()).collect();
        for _ in 0..3 {
            seen.extend(set.poll().iter().map(|one| one.line.text().into_owned()));
        }
        let wanted: Vec<_> = (0..seen.len())
            .map(|number| format!("line {number}"))
            .collect();
        assert!(seen == wanted);
    }
    writer.join().unwrap();
}
