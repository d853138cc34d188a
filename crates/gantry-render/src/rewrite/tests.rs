use super::*;

fn moves() -> Moves {
    let one = |from: &str, to: &str| (from.to_owned(), to.to_owned());
    Moves::new([one("src", "repo_src"), one("src/data", "data")])
}

#[test]
fn a_path_follows_the_longest_folder_that_moved() {
    let moves = moves();
    assert_eq!(moves.path("src/a.py").as_deref(), Some("repo_src/a.py"));
    assert_eq!(moves.path("./src/data/x").as_deref(), Some("./data/x"));
    for same in [
        "src",
        "source/x",
        "../src/x",
        "/src/x",
        "a/src/x",
        "src_old/x",
    ] {
        assert_eq!(moves.path(same), None, "{same}");
    }
}

#[test]
fn words_of_commands_follow() {
    let moves = moves();
    for (before, after) in [
        (
            "python src/main.py --x=./src/y",
            "python repo_src/main.py --x=./repo_src/y",
        ),
        ("see http://x/src/y", "see http://x/src/y"),
        ("a ../src/b", "a ../src/b"),
        ("cd 'src/a'", "cd 'repo_src/a'"),
        ("", ""),
    ] {
        assert_eq!(moves.words(before), after);
    }
}

#[test]
fn requirements_follow_by_who_reads_them() {
    let text = "# all\n-r src/extra.txt\n-c ./src/data/c.txt\n-e ./src/pkg\npkg @ file:src/pkg\nsrc-tool==1\n--requirement=src/more.txt\n";
    let wanted = "# all\n-r extra.txt\n-c ../data/c.txt\n-e ./repo_src/pkg\npkg @ file:repo_src/pkg\nsrc-tool==1\n--requirement=more.txt\n";
    assert_eq!(moves().requirements(text, "repo_src"), wanted);
}

#[test]
fn projects_name_folders_alone() {
    let text = "where = [\"src\"]\nreadme = 'src/README.md'\nname = \"src-tool\"\n";
    let wanted = "where = [\"repo_src\"]\nreadme = 'repo_src/README.md'\nname = \"src-tool\"\n";
    assert_eq!(moves().project(text), wanted);
}

#[test]
fn what_did_not_move_stays() {
    let moves = Moves::new([("src".to_owned(), "src".to_owned())]);
    assert_eq!(moves.path("src/a"), None);
    assert_eq!(moves.requirements("-e src/a\n", ""), "-e src/a\n");
}
