//! Folders and sockets.

use super::*;

#[test]
fn a_folder_is_named_for_people_and_for_the_file() {
    let home = GantryHome::at("/home/ada/state");
    let one = home.stack("shop", Utf8Path::new("/srv/one/gantry.toml"));
    let other = home.stack("shop", Utf8Path::new("/srv/two/gantry.toml"));
    assert!(
        one.path()
            .as_str()
            .starts_with("/home/ada/state/stacks/shop-")
    );
    assert_eq!(
        one.path().as_str().len(),
        "/home/ada/state/stacks/shop-".len() + 8
    );
    assert_ne!(one, other);
}

#[test]
fn a_long_socket_path_goes_through_its_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let long = folder.path().join("x".repeat(120));
    fs::create_dir_all(&long).expect("a folder");
    let socket = Utf8PathBuf::from_path_buf(long.join("supervisor.sock")).expect("text");
    let way = SocketPath::of(&socket).expect("a way");
    assert!(way.path().as_os_str().len() <= SOCKET_PATH_LIMIT);
    let listener = std::os::unix::net::UnixListener::bind(&way).expect("bound");
    std::os::unix::net::UnixStream::connect(&way).expect("connected");
    drop(listener);
}
