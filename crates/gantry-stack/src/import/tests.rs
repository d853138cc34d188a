use std::fs;

use camino::Utf8PathBuf;

use super::*;
use crate::layer::Layer;

struct Folder {
    path: Utf8PathBuf,
    _dir: tempfile::TempDir,
}

impl Folder {
    fn with(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::from_path_buf(dir.path().canonicalize().unwrap()).unwrap();
        for (name, text) in files {
            let file = path.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        Self { path, _dir: dir }
    }

    fn load(&self, change: impl FnOnce(&mut Inputs)) -> (Option<Tree>, SourceMap, Vec<String>) {
        let mut inputs = Inputs {
            files: vec!["gantry.toml".into()],
            folder: self.path.clone(),
            ..Inputs::default()
        };
        change(&mut inputs);
        let mut sources = SourceMap::new();
        let mut diagnostics = Diagnostics::new();
        let tree = read_stack(&inputs, &mut sources, &mut diagnostics);
        let report = diagnostics.finish(sources.clone().into());
        let errors = report
            .plain()
            .iter()
            .map(|one| one.to_string().replace(self.path.as_str(), "~"))
            .collect();
        (tree, sources, errors)
    }
}

fn origins(tree: &Tree, sources: &SourceMap) -> Vec<String> {
    let mut found = Vec::new();
    tree.root.leaves(&mut |path, leaf| {
        let text = sources.slice(leaf.span).unwrap_or_default();
        let place = sources.place(leaf.span).unwrap();
        found.push(format!("{path} {text} {} {}", leaf.layer, place.name));
    });
    found
}

#[test]
fn layers_lie_in_order() {
    let folder = Folder::with(&[
        (
            "gantry.toml",
            "imports = ['a.toml', 'more/*.toml']\nfrom = 'file'\n[v]\nfile = 1\nflag = 0\nenv = 0\nover = 0",
        ),
        ("a.toml", "from = 'a'\n[v]\na = 1\nb = 0"),
        ("more/2.toml", "from = '2'\n[v]\nb = 2"),
        (
            "more/1.toml",
            "imports = ['../a.toml']\nfrom = '1'\n[v]\nb = 1",
        ),
        ("over.yaml", "v: {over: 1, flag: 1, a: !reset}\n"),
    ]);
    let (tree, sources, errors) = folder.load(|inputs| {
        inputs.files.push("over.yaml".into());
        inputs.assignments.push("v.flag=2".into());
        inputs
            .environment
            .push(("GANTRY_V__ENV".into(), "3".into()));
        inputs
            .environment
            .push(("GANTRY_V__FLAG".into(), "3".into()));
    });
    assert_eq!(errors, Vec::<String>::new());
    assert_eq!(
        origins(&tree.unwrap(), &sources),
        [
            "from 'file' file gantry.toml",
            "v.b 2 import more/2.toml",
            "v.file 1 file gantry.toml",
            "v.flag 2 flag --set",
            "v.env 3 environment GANTRY_V__ENV",
            "v.over 1 override over.yaml",
        ]
    );
}

#[test]
fn a_diamond_is_read_once() {
    let folder = Folder::with(&[
        ("gantry.toml", "imports = ['a.toml', 'b.toml']"),
        ("a.toml", "imports = ['base.toml']\nx = 'a'"),
        ("b.toml", "imports = ['./sub/../base.toml']\ny = 'b'"),
        ("base.toml", "x = 'base'\ny = 'base'"),
        ("sub/x", ""),
    ]);
    let (tree, _, errors) = folder.load(|_| {});
    assert_eq!(errors, Vec::<String>::new());
    let tree = tree.unwrap();
    assert_eq!(tree.files.len(), 4);
    assert_eq!(tree.root.at(["x"]).unwrap().as_str(), Some("a"));
}

#[test]
fn cycles_are_shown_as_the_path() {
    let folder = Folder::with(&[
        ("gantry.toml", "x = 1\nimports = ['a.toml']"),
        ("a.toml", "imports = ['sub']"),
        ("sub/gantry.yaml", "imports:\n  - ../a.toml\n"),
        ("self.toml", "imports = 'self.toml'"),
    ]);
    let (tree, _, errors) = folder.load(|_| {});
    assert!(tree.is_none());
    assert_eq!(
        errors,
        [
            "sub/gantry.yaml:2:5: error: these files import each other: a.toml → sub/gantry.yaml → a.toml\n  a.toml:1:12: a.toml imports sub/gantry.yaml here"
        ]
    );
    let (_, _, errors) = folder.load(|inputs| inputs.files = vec!["self.toml".into()]);
    assert_eq!(errors, ["self.toml:1:11: error: self.toml imports itself"]);
}

#[test]
fn what_cannot_be_read_is_said_all_at_once() {
    let folder = Folder::with(&[
        (
            "gantry.toml",
            "imports = ['none.toml', 'no*.toml', 3, '', 'a.txt', 'empty', '${GONE}/x.toml']\nenv-files = ['.env']\nx = '${LATER}'",
        ),
        ("a.txt", ""),
        ("empty/x", ""),
    ]);
    fs::write(folder.path.join("bad.toml"), b"a = 1\n\xff").unwrap();
    let (tree, _, errors) = folder.load(|inputs| inputs.files.push("bad.toml".into()));
    assert!(tree.is_none());
    assert_eq!(
        errors,
        [
            "error: cannot read bad.toml: it is not UTF-8 (line 2)",
            "gantry.toml:1:12: error: cannot read none.toml: there is no such file",
            "gantry.toml:1:25: error: `no*.toml` matches no file",
            "gantry.toml:1:37: error: `imports` has a whole number in it; expected a path",
            "gantry.toml:1:40: error: an empty path in `imports`",
            "gantry.toml:1:53: error: the folder ~/empty has no gantry.toml or gantry.yaml",
            "gantry.toml:1:63: error: the variable `GONE` is not set\n  hint: set it, or give a default: `${GONE:-…}`; a literal `$` is `$$`",
            "gantry.toml:2:14: error: cannot read .env: there is no such file",
            "a.txt:1:1: error: `a.txt` is neither TOML nor YAML by its name; expected a name that ends in .toml, .yaml or .yml",
        ]
    );
}

#[test]
fn syntax_errors_of_several_files_come_together() {
    let folder = Folder::with(&[
        ("gantry.toml", "imports = ['a.yaml']\nx = \ny = [1\n"),
        ("a.yaml", "a: [1\n"),
    ]);
    let (tree, _, errors) = folder.load(|_| {});
    assert!(tree.is_none());
    let count = |file: &str| errors.iter().filter(|one| one.starts_with(file)).count();
    assert_eq!(
        (count("gantry.toml:"), count("a.yaml:")),
        (2, 1),
        "{errors:#?}"
    );
}

#[test]
fn variables_come_from_env_files_below_the_process() {
    let folder = Folder::with(&[
        (
            "gantry.toml",
            "imports = ['sub/i.toml']\nenv-files = ['a.env', 'b.env']\na = '$A'\nb = '$B'\nc = '$C'\nd = '$D'",
        ),
        ("sub/i.toml", "env-files = ['own.env']\ne = '$D'"),
        ("sub/own.env", "D=own\nA=own"),
        ("a.env", "A=a\nB=a\nC=a"),
        ("b.env", "B=b\nC=$B"),
    ]);
    let (tree, _, errors) =
        folder.load(|inputs| inputs.environment.push(("A".into(), "process".into())));
    assert_eq!(errors, Vec::<String>::new());
    let tree = tree.unwrap();
    let value = |key| tree.root.at([key]).unwrap().as_str().unwrap().to_owned();
    assert_eq!(
        ["a", "b", "c", "d", "e"].map(value),
        ["process", "b", "b", "own", "own"]
    );
    assert_eq!(tree.files.len(), 5);
}

#[test]
fn only_what_survives_needs_its_variables() {
    let folder = Folder::with(&[
        ("gantry.toml", "imports = ['i.toml']\na = 'fine'"),
        ("i.toml", "a = '$GONE'\nb = '$GONE_TOO'"),
    ]);
    let (_, _, errors) = folder.load(|inputs| inputs.assignments.push("x=$NOT".into()));
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(
        errors[0].starts_with("i.toml:2:6: error: the variable `GONE_TOO`"),
        "{errors:?}"
    );
}

#[test]
fn paths_stay_with_their_file() {
    let folder = Folder::with(&[
        ("gantry.toml", "imports = ['sub/i.toml']\na = 'x'"),
        ("sub/i.toml", "b = 'x'"),
    ]);
    let (tree, sources, _) = folder.load(|inputs| inputs.assignments.push("c=x".into()));
    let tree = tree.unwrap();
    let path = |key| sources.resolve(tree.root.at([key]).unwrap().span, "./x");
    let expected = ["x", "sub/x", "x"].map(|path| folder.path.join(path));
    assert_eq!(["a", "b", "c"].map(path), expected);
}

#[test]
fn the_nearest_file_is_found() {
    let folder = Folder::with(&[
        ("gantry.toml", ""),
        ("a/b/x", ""),
        ("two/gantry.yml", ""),
        ("two/gantry.yaml", ""),
    ]);
    assert_eq!(
        find_file(&folder.path.join("a/b")),
        Ok(folder.path.join("gantry.toml"))
    );
    let error = find_file(&folder.path.join("two")).unwrap_err().to_string();
    assert!(error.contains("both gantry.yaml and gantry.yml"), "{error}");
}

#[test]
fn a_root_that_is_a_list_is_refused() {
    let folder = Folder::with(&[("x.yaml", "- 1\n")]);
    let (tree, _, errors) = folder.load(|inputs| inputs.files = vec!["x.yaml".into()]);
    assert!(tree.is_none());
    assert_eq!(
        errors,
        [
            "x.yaml:1:3: error: a stack file is a mapping, and this one is a list; expected a mapping"
        ]
    );
    assert_eq!(Layer::File.name(), "file");
}
