//! What an upgrade would make, without making it.

use std::time::Duration;

use gantry_core::InstanceId;
use gantry_driver::{DriverError, StackIdentity};
use gantry_stack::modes::helm::HelmSpec;

use super::check::Known;
use super::fetch::{self, Chart};
use super::kinds::{self, UnknownKind};
use super::release::{self, Release, Revision};
use super::tool::{Ask, Tool, failure};
use super::upgrade::name_of;
use super::words::Upgrade;
use crate::cluster::Cluster;
use crate::record::{self, Mode};

/// How long a rehearsal may take.
const LIMIT: Duration = Duration::from_mins(2);

/// Whose release is rehearsed, and where.
#[derive(Clone, Copy)]
pub(crate) struct Stage<'a> {
    pub(crate) tool: &'a Tool,
    pub(crate) cluster: &'a Cluster,
    pub(crate) stack: &'a StackIdentity,
    pub(crate) instance: &'a InstanceId,
    pub(crate) spec: &'a HelmSpec,
}

/// A release that may be made, of a chart that is here.
pub(crate) struct Rehearsal<'a> {
    stage: Stage<'a>,
    name: String,
    namespace: String,
    chart: Chart,
    /// Those that there are, oldest first.
    pub(crate) revisions: Vec<Revision>,
}

impl<'a> Rehearsal<'a> {
    /// Looks whether it may be made, and gets its chart.
    pub(crate) async fn of(stage: Stage<'a>) -> Result<Self, DriverError> {
        let Stage {
            tool,
            cluster,
            stack,
            instance,
            spec,
        } = stage;
        let namespace = spec.namespace.clone();
        let namespace = namespace.unwrap_or_else(|| cluster.namespace.clone());
        let name = name_of(spec, instance);
        let record = record::read(stack, Mode::Releases, instance);
        let revisions = release::revisions(cluster, &namespace, &name).await?;
        let known = Known {
            stack,
            instance,
            spec,
            release: &name,
            namespace: &namespace,
            record: record.as_ref(),
            revisions: &revisions,
        };
        known.before()?;
        let chart = fetch::fetch(tool, stack, instance.service.as_str(), spec, false).await?;
        Ok(Self {
            stage,
            name,
            namespace,
            chart,
            revisions,
        })
    }

    /// Whether a revision is half done: Helm would not even rehearse the next one.
    pub(crate) fn is_stuck(&self) -> bool {
        self.revisions.last().is_some_and(Revision::is_pending)
    }

    fn upgrade(&self) -> Upgrade<'_> {
        Upgrade {
            spec: self.stage.spec,
            release: &self.name,
            namespace: &self.namespace,
            chart: self.chart.path.as_str(),
            labels: record::label_pairs(self.stage.stack, self.stage.instance).to_vec(),
            limit: Duration::from_mins(5),
        }
    }

    /// Has Helm render it with the knowledge of the cluster: its versions, its kinds, and what a chart looks up.
    pub(crate) async fn rehearse(&self) -> Result<Release, DriverError> {
        let upgrade = self.upgrade();
        let mut words = upgrade.words(self.stage.tool);
        words.extend(["--dry-run=server", "--output", "json"].map(str::to_owned));
        let ask = Ask {
            name: format!("helm rehearsal of {}", self.stage.instance.service).into(),
            words,
            input: upgrade.input(),
            limit: LIMIT,
            once: false,
        };
        let outcome = self.stage.tool.run(ask).await?;
        if !outcome.success() {
            return Err(failure("render", &outcome, LIMIT));
        }
        Release::printed(&outcome.stdout).ok_or_else(|| {
            let reason = "what helm has rendered cannot be read";
            DriverError::permanent("render", reason)
        })
    }

    /// The kinds that it asks for, and that neither the cluster knows nor the chart brings along.
    pub(crate) async fn unknown_kinds(&self) -> Result<Vec<UnknownKind>, DriverError> {
        let upgrade = self.upgrade();
        let served = kinds::served(self.stage.cluster).await?;
        let version = self.stage.cluster.version().await?;
        let ask = Ask {
            name: format!("helm template of {}", self.stage.instance.service).into(),
            words: upgrade.template_words(&version, &served),
            input: upgrade.input(),
            limit: LIMIT,
            once: false,
        };
        let outcome = self.stage.tool.run(ask).await?;
        if !outcome.success() {
            return Err(failure("render", &outcome, LIMIT));
        }
        Ok(kinds::unknown(&outcome.stdout, &served))
    }
}
