//! What reaches the world of the backend, and of time.

use super::Runner;
use crate::event::{Event, ObservedInstance};
use crate::failure::{ExitStatus, Failure, Stage};
use crate::ids::{InstanceId, Millis};
use crate::simulation::backend::{News, Record, start_failure};

impl Runner {
    /// One piece of news arrives: the oldest of the instance that the picked one is about.
    pub(in crate::simulation) fn news(&mut self, which: usize) -> Result<(), String> {
        if self.backend.news.is_empty() {
            return Ok(());
        }
        let mut which = which % self.backend.news.len();
        if let Some(about) = self.backend.news[which].about() {
            let first = self
                .backend
                .news
                .iter()
                .position(|news| news.about() == Some(about));
            which = first.unwrap_or(which);
        }
        let news = self.backend.news.remove(which);
        self.hear(news)
    }

    pub(super) fn hear(&mut self, news: News) -> Result<(), String> {
        if let News::Observed { services, records } = news {
            let services = services
                .iter()
                .filter_map(|name| self.world.key(name.as_str()));
            let services = services.collect();
            let seen = |(at, record): &(InstanceId, _)| {
                let record: &Record = record;
                Some(ObservedInstance {
                    instance: self.key(at)?,
                    generation: record.generation,
                    revision: Some(record.revision),
                    run: record.run.clone(),
                })
            };
            let instances = records.iter().filter_map(seen).collect();
            return self.tell(Event::Observed {
                services,
                instances,
            });
        }
        let Some(instance) = news.about().and_then(|at| self.key(at)) else {
            return Ok(());
        };
        self.tell(match news {
            News::Started { effect, pid, .. } => Event::Started {
                effect,
                instance,
                pid: Some(pid),
            },
            News::StartFailed { effect, kind, .. } => Event::StartFailed {
                effect,
                instance,
                cause: start_failure(kind),
            },
            News::Stopped { effect, exit, .. } => Event::Stopped {
                effect,
                instance,
                exit,
            },
            News::Resisted { effect, .. } => Event::StopResisted {
                effect,
                instance,
                what: "pid 7 in disk sleep".into(),
            },
            News::Updated { effect, .. } => Event::Updated { effect, instance },
            News::Lost { effect, .. } => Event::Lost { effect, instance },
            News::HookEnded { effect, well, .. } => Event::HookEnded {
                effect,
                instance,
                failure: (!well).then(|| Failure::new(Stage::Start, "the hook failed")),
            },
            News::Exited {
                generation,
                code,
                left,
                ..
            } => Event::Exited {
                instance,
                generation,
                exit: ExitStatus::Code(code),
                left: left.then(|| "a child".into()),
                tail: vec!["the last line".into()],
            },
            News::Observed { .. } => return Ok(()),
        })
    }

    /// Time passes; what is due runs out in its order.
    pub(in crate::simulation) fn wait(&mut self, time: Millis) -> Result<(), String> {
        let until = self.now.plus(time);
        while let Some((&id, &due)) = self
            .timers
            .iter()
            .filter(|(_, due)| **due <= until)
            .min_by_key(|(_, due)| **due)
        {
            self.now = self.now.max(due);
            self.timers.remove(&id);
            self.tell(Event::Timer { id })?;
        }
        self.now = until;
        Ok(())
    }
}
