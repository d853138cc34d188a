//! Images that are fetched, from a registry of the test's own: a thread that serves one image. Docker takes registries
//! of this machine without TLS.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gantry_test::{Engine, Sandbox};
use serde_json::json;

use crate::support::printed;

const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// What is served, by its path, with its kind.
type Served = HashMap<String, (&'static str, Vec<u8>)>;

/// A registry with the image `shop:1`, and how often that was asked for.
pub(crate) struct Registry {
    pub(crate) address: String,
    fetched: Arc<AtomicUsize>,
}

/// A registry of which only the address is known yet.
pub(crate) struct Place(TcpListener);

impl Place {
    pub(crate) fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").expect("a port"))
    }

    pub(crate) fn address(&self) -> String {
        self.0.local_addr().expect("an address").to_string()
    }
}

impl Registry {
    /// Serves the tests' image as the engine itself packs it.
    fn with_image_of(engine: &Engine) -> Self {
        Self::at(Place::new(), engine, None)
    }

    /// The same at that place, for those who send this header as `Authorization`.
    pub(crate) fn at(place: Place, engine: &Engine, wants: Option<&'static str>) -> Self {
        let layer = layer_of(engine);
        let (layer_digest, size) = (digest(&layer), layer.len());
        let config = json!({
            "architecture": "amd64", "os": "linux", "config": {},
            "rootfs": { "type": "layers", "diff_ids": [layer_digest] },
        });
        let config = config.to_string().into_bytes();
        let config_digest = digest(&config);
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {
                "mediaType": "application/vnd.docker.container.image.v1+json",
                "size": config.len(), "digest": config_digest,
            },
            "layers": [{
                "mediaType": "application/vnd.docker.image.rootfs.diff.tar",
                "size": size, "digest": layer_digest,
            }],
        });
        let manifest = manifest.to_string().into_bytes();
        let blob = |digest: &str| format!("/v2/shop/blobs/{digest}");
        let bytes = "application/octet-stream";
        let by_digest = format!("/v2/shop/manifests/{}", digest(&manifest));
        let served = HashMap::from([
            ("/v2/".to_owned(), ("application/json", b"{}".to_vec())),
            (
                "/v2/shop/manifests/1".to_owned(),
                (MANIFEST, manifest.clone()),
            ),
            (by_digest, (MANIFEST, manifest)),
            (blob(&config_digest), (bytes, config)),
            (blob(&layer_digest), (bytes, layer)),
        ]);
        Self::serve(place, served, wants)
    }

    fn serve(place: Place, served: Served, wants: Option<&'static str>) -> Self {
        let address = place.address();
        let (served, fetched) = (Arc::new(served), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&fetched);
        std::thread::spawn(move || {
            for connection in place.0.incoming().flatten() {
                let (served, count) = (Arc::clone(&served), Arc::clone(&count));
                std::thread::spawn(move || answer(&connection, &served, wants, &count));
            }
        });
        Self { address, fetched }
    }

    pub(crate) fn image(&self, tag: &str) -> String {
        format!("{}/shop:{tag}", self.address)
    }
}

fn answer(mut connection: &TcpStream, served: &Served, wants: Option<&str>, fetched: &AtomicUsize) {
    let mut read = BufReader::new(connection);
    let mut line = String::new();
    while read.read_line(&mut line).is_ok_and(|length| length > 0) {
        let mut words = line.split(' ');
        let head = words.next() == Some("HEAD");
        let path = words.next().unwrap_or_default().to_owned();
        let mut known = wants.is_none();
        while line.trim() != "" {
            line.clear();
            if read.read_line(&mut line).is_err() {
                return;
            }
            let (name, value) = line.split_once(':').unwrap_or_default();
            known |= name.eq_ignore_ascii_case("authorization") && wants == Some(value.trim());
        }
        line.clear();
        if path.contains("/manifests/1") {
            fetched.fetch_add(1, Ordering::Relaxed);
        }
        let unknown = br#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#;
        let refused =
            br#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#;
        let (status, kind, body) = match served.get(&path) {
            _ if !known => ("401 Unauthorized", "application/json", refused.as_slice()),
            Some((kind, body)) => ("200 OK", *kind, body.as_slice()),
            None => ("404 Not Found", "application/json", unknown.as_slice()),
        };
        let about = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\
             Docker-Distribution-Api-Version: registry/2.0\r\nDocker-Content-Digest: {}\r\n{}\r\n",
            body.len(),
            digest(body),
            if known {
                ""
            } else {
                "WWW-Authenticate: Basic realm=\"tests\"\r\n"
            }
        );
        let written = connection.write_all(about.as_bytes());
        if written.is_err() || (!head && connection.write_all(body).is_err()) {
            return;
        }
    }
}

/// The file system of the tests' image, as one archive.
fn layer_of(engine: &Engine) -> Vec<u8> {
    let name = format!("gantry-layer-{}", std::process::id());
    engine
        .say(&["create", "--name", &name, engine.image(), "true"])
        .expect("a container");
    let exported = engine.client().args(["export", &name]).output();
    engine.say(&["rm", &name]).expect("it is removed");
    exported.expect("an archive").stdout
}

fn digest(bytes: &[u8]) -> String {
    let mut child = Command::new("sha256sum")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("sha256sum");
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(bytes).expect("it reads");
    drop(input);
    let output = child.wait_with_output().expect("it ends").stdout;
    let text = String::from_utf8_lossy(&output).into_owned();
    format!("sha256:{}", text.split(' ').next().expect("a sum"))
}

#[test]
fn an_image_is_fetched_as_the_stack_file_says() {
    let Some(engine) = Engine::docker() else {
        return gantry_test::skip("fetching images", "a Docker engine");
    };
    let registry = Registry::with_image_of(&engine);
    let sandbox = Sandbox::new();
    let file = |image: &str, pull: &str| {
        let file = format!(
            "name = \"fetched\"\n[services.api]\njob = true\n[services.api.container]\nimage = \"{image}\"\n\
             engine = \"{}\"\npull = \"{pull}\"\ncommand = [\"echo\", \"here\"]\n",
            engine.address()
        );
        sandbox.write("gantry.toml", &file);
    };
    let image = registry.image("1");
    let fetched = || registry.fetched.load(Ordering::Relaxed);

    file(&image, "never");
    let up = sandbox.gantry(["up", "-d"]);
    assert!(up.expect(3).stderr.contains("does not have the image"));
    assert_eq!(fetched(), 0);

    file(&image, "missing");
    let up = sandbox.gantry(["up", "-d"]);
    let said = &up.expect(0).stderr;
    assert!(
        said.contains(&format!("fetching the image {image}")),
        "{said}"
    );
    assert_eq!(printed(&sandbox, "api"), ["here"]);
    let first = fetched();
    assert!(first > 0);
    sandbox.gantry(["restart", "api"]).expect(0);
    assert_eq!(fetched(), first, "it is there");

    file(&image, "always");
    sandbox.gantry(["restart", "api"]).expect(0);
    sandbox.gantry(["up", "-d"]).expect(0);
    sandbox.gantry(["restart", "api"]).expect(0);
    assert!(fetched() > first, "it is fetched again");

    file(&registry.image("9"), "missing");
    let up = sandbox.gantry(["up", "-d"]);
    let said = &up.expect(3).stderr;
    assert!(said.contains("its registry does not give it"), "{said}");
    sandbox.gantry(["down"]).expect(0);
    engine.say(&["rmi", &image]).expect("it is removed");
}
