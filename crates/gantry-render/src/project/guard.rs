//! The build folder and the folders that files come from must not be inside each other.

use camino::{Utf8Path, Utf8PathBuf};
use gantry_stack::diagnostic::Diagnostic;
use gantry_stack::span::Span;

use super::{Sheet, Unit, Work};

impl Work<'_> {
    /// Complains about a build folder that is, contains, or lies inside a folder that files come from.
    pub(super) fn guard(&mut self, build: &Utf8Path, units: &[Unit], sheets: &[Sheet]) {
        let stack = &self.loaded.stack;
        let mut sources: Vec<(Utf8PathBuf, Span)> = vec![(stack.file.clone(), Span::NONE)];
        for unit in units {
            sources.push((unit.source.clone(), self.place(&unit.name, &["file"])));
            if unit.template.copy_src {
                let span = self.place(&unit.name, &["copy-src"]);
                sources.push((stack.dir.join("src"), span));
            }
            for (at, copy) in unit.template.additional_dirs.iter().enumerate() {
                let span = self.place(&unit.name, &["additional-dirs", &at.to_string(), "source"]);
                sources.push((copy.source.clone(), span));
            }
        }
        sources.extend(Self::sources_of_sheets(sheets));
        sources.extend(stack.render.root.clone().map(|root| (root, Span::NONE)));
        let build_real = real(build);
        let span = self.build_dir_span();
        for (source, from) in sources {
            let real = real(&source);
            let relation = if real == build_real {
                "is also where files come from"
            } else if real.starts_with(&build_real) {
                "contains what files come from"
            } else if build_real.starts_with(&real) {
                "lies inside what files come from"
            } else {
                continue;
            };
            let (build, source) = (self.shown(build), self.shown(&source));
            let message = format!("the build folder {build} {relation}: {source}");
            let mut wrong = Diagnostic::error("build-folder", span, message)
                .hint("choose a folder that holds nothing else, such as `./build`");
            if !from.is_none() && from != span {
                wrong = wrong.also(from, "this is copied from there");
            }
            self.diagnostics.push(wrong);
            return;
        }
    }
}

/// A path without links, as far as it exists.
fn real(path: &Utf8Path) -> Utf8PathBuf {
    for ancestor in path.ancestors() {
        if let Ok(real) = ancestor.canonicalize_utf8() {
            let rest = path.strip_prefix(ancestor).unwrap_or(Utf8Path::new(""));
            return if rest.as_str().is_empty() {
                real
            } else {
                real.join(rest)
            };
        }
    }
    path.to_owned()
}
