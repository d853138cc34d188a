use super::*;

#[test]
fn the_page_is_current() {
    let path = camino::Utf8Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs/reference/stack-file.md");
    let page = reference_page();
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &page).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == page,
        "docs/reference/stack-file.md is old: run UPDATE_REFERENCE=1 cargo test -p gantry-stack reference_page"
    );
}
