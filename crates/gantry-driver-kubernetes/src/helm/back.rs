//! Going back to a revision that Helm keeps: an update whose words are other ones.

use gantry_driver::DriverError;
use gantry_stack::modes::helm::HelmSpec;

use super::check::Known;
use super::conclude::{in_full, job};
use super::tool::Tool;
use super::upgrade::Upgrade;
use crate::apply::{Marks, Wrong};
use crate::record::Record;

impl Upgrade {
    /// What is there afterwards is what that revision was, made as a new one.
    pub(super) async fn go_back(
        &self,
        tool: &Tool,
        spec: &HelmSpec,
        known: &Known<'_>,
        number: u32,
        record: &mut Option<Record>,
    ) -> Result<Marks, Wrong> {
        let (name, namespace) = (known.release, known.namespace);
        let kept = known.revisions.iter().find(|one| one.number == number);
        let Some(kept) = kept else {
            let numbers = known.revisions.iter().map(|one| one.number.to_string());
            let numbers: Vec<String> = numbers.collect();
            let reason = format!(
                "revision {number} of {name} is not kept; kept are {}",
                numbers.join(", ")
            );
            return Err(DriverError::permanent("rollback", reason).into());
        };
        let chart = kept.read()?.chart();
        let mut now = self.begun(spec, name, namespace, chart);
        self.note(&now)?;
        *record = Some(now.clone());
        self.publish(&now);
        let limit = in_full(self.limit(spec));
        let (revision, seconds) = (number.to_string(), format!("{}s", limit.as_secs().max(1)));
        let history = spec.history.to_string();
        let mut words = vec!["rollback", name, &revision, "--namespace", namespace];
        words.extend(["--timeout", &seconds, "--history-max", &history]);
        if !spec.hooks {
            words.push("--no-hooks");
        }
        let words = words.into_iter().map(str::to_owned).collect();
        let done = self.drive(tool, &mut now, limit, words, None).await;
        let done = match done {
            Ok(marks) => Ok(marks),
            Err(wrong) => {
                let wrong = self.explain(wrong, self.limit(spec)).await;
                if let Some(before) = &self.before {
                    now.objects.clone_from(&before.objects);
                    now.started = before.started;
                    let back_to = before.release.as_ref().and_then(|it| it.back_to);
                    if let Some(note) = &mut now.release {
                        note.back_to = back_to;
                    }
                }
                Err(wrong)
            }
        };
        tool.taken(&job(&now));
        self.note(&now)?;
        *record = Some(now);
        done
    }
}
