use std::io::Read as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use camino::Utf8Path;
use futures::StreamExt as _;

use super::Context;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().expect("a folder"));
        folder.write("Dockerfile", "FROM scratch\n");
        folder.write("app/main.c", "int main;\n");
        folder.write("target/huge.o", "xxx");
        folder
    }

    fn path(&self) -> &Utf8Path {
        Utf8Path::from_path(self.0.path()).expect("UTF-8")
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        std::fs::write(path, text).expect("it is written");
    }

    fn digest(&self) -> String {
        let context = Context::look(self.path(), "Dockerfile").expect("it is read");
        let mut hasher = blake3::Hasher::new();
        context.feed(&mut hasher).expect("it is read");
        hasher.finalize().to_hex().to_string()
    }

    /// The names in the archive, with what is in their files.
    async fn sent(&self, file: &str) -> Vec<(String, String)> {
        let context = Context::look(self.path(), file).expect("it is read");
        let (pieces, sending) = context.send();
        let pieces: Vec<_> = pieces.map(|piece| piece.expect("a piece")).collect().await;
        sending.await.expect("no panic").expect("it is sent");
        let bytes = pieces.concat();
        let mut archive = tar::Archive::new(bytes.as_slice());
        let entries = archive.entries().expect("an archive");
        let read = entries.map(|entry| {
            let mut entry = entry.expect("an entry");
            let path = entry
                .path()
                .expect("a path")
                .to_str()
                .expect("UTF-8")
                .to_owned();
            let mut text = String::new();
            entry.read_to_string(&mut text).expect("text");
            assert_eq!(entry.header().uid().expect("a user"), 0);
            (path, text)
        });
        read.collect()
    }
}

fn names(sent: &[(String, String)]) -> Vec<&str> {
    sent.iter().map(|(name, _)| name.as_str()).collect()
}

#[tokio::test]
async fn all_is_sent_but_what_is_left_out() {
    let folder = Folder::new();
    let sent = folder.sent("Dockerfile").await;
    let all = [
        "Dockerfile",
        "app/",
        "app/main.c",
        "target/",
        "target/huge.o",
    ];
    assert_eq!(names(&sent), all);
    assert_eq!(sent[2].1, "int main;\n");
    folder.write(".dockerignore", "*\n!app\n");
    let sent = folder.sent("Dockerfile").await;
    // Both files that say how are sent all the same.
    assert_eq!(
        names(&sent),
        [".dockerignore", "Dockerfile", "app/", "app/main.c"]
    );
    folder.write("docker/Web", "FROM scratch\n");
    folder.write("docker/Web.dockerignore", "app\ntarget\ndocker\n");
    let sent = folder.sent("docker/Web").await;
    assert_eq!(names(&sent), [".dockerignore", "Dockerfile", "docker/Web"]);
}

#[tokio::test]
async fn a_large_file_arrives_whole() {
    let folder = Folder::new();
    let large = "0123456789".repeat(100_000);
    folder.write("large", &large);
    symlink("large", folder.path().join("link")).expect("a link");
    let sent = folder.sent("Dockerfile").await;
    let of = |name: &str| {
        sent.iter()
            .find(|(found, _)| found == name)
            .map(|(_, text)| text)
    };
    assert_eq!(of("large"), Some(&large));
    assert_eq!(of("link"), Some(&String::new()));
}

#[test]
fn the_digest_tells_what_an_image_could_be_different_for() {
    let folder = Folder::new();
    folder.write(".dockerignore", "target\n");
    let first = folder.digest();
    assert_eq!(folder.digest(), first);
    folder.write("target/huge.o", "yyy");
    assert_eq!(folder.digest(), first, "what is not sent does not count");
    folder.write("app/main.c", "int main;\n");
    assert_eq!(folder.digest(), first, "nor when something was written");
    let mut changed = vec![first];
    let mut is_new = |digest: String, what: &str| {
        assert!(!changed.contains(&digest), "{what}");
        changed.push(digest);
    };
    folder.write("app/main.c", "int main2;\n");
    is_new(folder.digest(), "another text");
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder.path().join("app/main.c"), mode).expect("the mode is set");
    is_new(folder.digest(), "another mode");
    symlink("main.c", folder.path().join("app/other.c")).expect("a link");
    is_new(folder.digest(), "a link");
    std::fs::create_dir(folder.path().join("empty")).expect("a folder");
    is_new(folder.digest(), "an empty folder");
}

#[test]
fn what_cannot_be_read_is_named() {
    let folder = Folder::new();
    folder.write(".dockerignore", "a[\n");
    let error = Context::look(folder.path(), "Dockerfile").expect_err("a bad pattern");
    assert_eq!(
        error.to_string(),
        "failed to read .dockerignore of the build's folder: `a[` is no pattern"
    );
}
