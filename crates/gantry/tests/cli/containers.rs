//! What is wrong with containers, told before anything is started. The engine is a fake: a thread that answers
//! what an engine would.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use insta::assert_snapshot;

use crate::support::Stack;

/// An answer: the end of a path, the status, and the body.
pub(crate) type Answer = (&'static str, u16, &'static str);

const VERSION: Answer = (
    "/version",
    200,
    r#"{"Version":"20.10.24","ApiVersion":"1.41"}"#,
);
const INFO: Answer = (
    "/info",
    200,
    r#"{"Runtimes":{"runc":{"path":"runc"}},"DockerRootDir":"/"}"#,
);

/// A registry does not have it.
const REFUSED: &[Answer] = &[(
    "/distribution/shop:9/json",
    404,
    r#"{"message":"manifest unknown: manifest unknown"}"#,
)];

/// Another container has a port.
const HELD: &[Answer] = &[
    ("/images/x/json", 200, r#"{"Id":"sha256:1"}"#),
    (
        "/containers/json",
        200,
        r#"[{"Id":"1","Names":["/old-shop"],"Image":"shop:1","Ports":[{"PrivatePort":80,"PublicPort":64999,"Type":"tcp"}]}]"#,
    ),
];

/// A name is somebody's: nobody's that is known here, and another stack's.
const NAMED: &[Answer] = &[
    ("/images/x/json", 200, r#"{"Id":"sha256:1"}"#),
    (
        "/containers/front/json",
        200,
        r#"{"Id":"1","Name":"/front","Config":{"Image":"shop:1","Labels":{"a":"b"}}}"#,
    ),
    (
        "/containers/back/json",
        200,
        r#"{"Id":"2","Name":"/back","Config":{"Image":"shop:1","Labels":{"gantry.stack":"mart-0a1b2c3d"}}}"#,
    ),
];

/// A socket in the folder of a stack, and whoever answers there until the test ends.
pub(crate) fn engine(folder: &Path, answers: &'static [Answer]) -> PathBuf {
    let path = folder.join("engine.sock");
    let listener = UnixListener::bind(&path).expect("a socket");
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut read = BufReader::new(&connection);
                let mut line = String::new();
                while read.read_line(&mut line).is_ok_and(|length| length > 0) {
                    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
                    // What is asked in a body is nothing that is told apart here.
                    while line.trim() != "" {
                        line.clear();
                        if read.read_line(&mut line).is_err() {
                            return;
                        }
                    }
                    line.clear();
                    let bare = path.split('?').next().unwrap_or_default();
                    let known = answers.iter().chain(&[VERSION, INFO]);
                    let (status, body) = match known.clone().find(|it| bare.ends_with(it.0)) {
                        Some((_, status, body)) => (*status, *body),
                        None if bare.ends_with("/_ping") => (200, "OK"),
                        None if bare.ends_with("/containers/json") => (200, "[]"),
                        None => (404, r#"{"message":"there is no such thing"}"#),
                    };
                    let answer = format!(
                        "HTTP/1.1 {status} X\r\nApi-Version: 1.41\r\nContent-Type: application/json\r\n\
                         Content-Length: {}\r\n\r\n{body}",
                        body.len()
                    );
                    if (&connection).write_all(answer.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    path
}

/// What an `up` of one service with these lines says, with an engine that answers so.
fn up(lines: &str, answers: &'static [Answer]) -> String {
    let stack = Stack::empty();
    let socket = engine(&stack.path(), answers);
    shown(&stack, lines, &format!("unix://{}", socket.display()))
}

fn shown(stack: &Stack, lines: &str, engine: &str) -> String {
    let text = format!(
        "name = \"shop\"\n[services.api]\nports = {{ http = 80 }}\n[services.api.container]\n\
         engine = \"{engine}\"\n{lines}\n"
    );
    stack.write("gantry.toml", &text);
    stack.shown(&["up", "-d"])
}

#[test]
fn an_engine_that_is_not_there_is_told() {
    let stack = Stack::empty();
    let place = |name: &str| format!("unix://{}", stack.path().join(name).display());
    assert_snapshot!(
        "no_engine",
        shown(&stack, "image = \"x\"", &place("none.sock"))
    );
    let dead = stack.path().join("dead.sock");
    drop(UnixListener::bind(&dead).expect("a socket"));
    assert_snapshot!(
        "dead_engine",
        shown(&stack, "image = \"x\"", &place("dead.sock"))
    );
    assert_snapshot!(
        "far_engine",
        shown(&stack, "image = \"x\"", "tcp://127.0.0.1:1")
    );
}

#[test]
fn no_engine_at_all_is_told_with_where_it_was_looked_for() {
    let stack = Stack::empty();
    let path = stack.path();
    stack.write(
        "gantry.toml",
        "name = \"shop\"\n[services.api.container]\nimage = \"x\"\nengine = \"docker\"\n",
    );
    let mut command = stack.command(&["up", "-d"]);
    command.env(
        "DOCKER_HOST",
        format!("unix://{}", path.join("none.sock").display()),
    );
    let output = gantry_test::output(&mut command);
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("DOCKER_HOST says so"), "{said}");
}

#[test]
fn an_engine_that_is_too_old_is_named_as_that() {
    const OLD: &[Answer] = &[(
        "/version",
        200,
        r#"{"Version":"19.03.15","ApiVersion":"1.40"}"#,
    )];
    assert_snapshot!("old_engine", up("image = \"x\"\npull = \"never\"", OLD));
}

#[test]
fn an_image_that_is_not_to_be_had_is_told() {
    assert_snapshot!(
        "image_never",
        up("image = \"shop:9\"\npull = \"never\"", &[])
    );
    assert_snapshot!("image_unknown", up("image = \"shop:9\"", REFUSED));
}

#[test]
fn what_a_build_lacks_is_told() {
    assert_snapshot!("build_no_folder", up("build = \"app\"", &[]));
    let stack = Stack::empty();
    std::fs::create_dir(stack.path().join("app")).expect("a folder");
    let socket = engine(&stack.path(), &[]);
    let socket = format!("unix://{}", socket.display());
    let lines = "build = { context = \"app\", file = \"docker/Web\" }";
    assert_snapshot!("build_no_dockerfile", shown(&stack, lines, &socket));
}

#[test]
fn what_the_machine_lacks_is_told() {
    const THERE: &[Answer] = &[("/images/x/json", 200, r#"{"Id":"sha256:1"}"#)];
    assert_snapshot!(
        "no_source",
        up("image = \"x\"\nvolumes = \"./data:/data\"", THERE)
    );
    assert_snapshot!(
        "no_file",
        up("image = \"x\"\nfiles = \"licence.key\"", THERE)
    );
    assert_snapshot!("no_graphics", up("image = \"x\"\ngpus = \"all\"", THERE));
    assert_snapshot!(
        "port_held",
        up("image = \"x\"\npublish = { http = 64999 }", HELD)
    );
}

#[test]
fn a_name_that_somebody_else_has_is_told_with_whose_it_is() {
    assert_snapshot!(
        "name_of_a_stranger",
        up("image = \"x\"\nname = \"front\"", NAMED)
    );
    assert_snapshot!(
        "name_of_a_stack",
        up("image = \"x\"\nname = \"back\"", NAMED)
    );
}

#[test]
fn what_makes_no_sense_is_told_at_its_place() {
    for (name, lines) in [
        ("file_nothing", "pull = \"never\""),
        ("file_pull", "image = \"x\"\npull = \"sometimes\""),
        ("file_volume", "image = \"x\"\nvolumes = \"data\""),
        (
            "file_volume_option",
            "image = \"x\"\nvolumes = \"data:/data:rx\"",
        ),
        (
            "file_volume_kind",
            "image = \"x\"\nvolumes = { kind = \"nfs\", target = \"/data\" }",
        ),
        ("file_build", "build = { folder = \"app\" }"),
        ("file_size", "image = \"x\"\nshm-size = \"much\""),
        ("file_ulimit", "image = \"x\"\nulimits = { nofiles = 5 }"),
        (
            "file_ulimit_order",
            "image = \"x\"\nulimits = { nofile = { soft = 9, hard = 5 }, core = \"much\" }",
        ),
        ("file_port", "image = \"x\"\npublish = { http = 99999 }"),
    ] {
        assert_snapshot!(name, up(lines, &[]));
    }
    let stack = Stack::empty();
    assert_snapshot!("file_engine", shown(&stack, "image = \"x\"", "dokcer"));
}
