//! What this machine offers services in clusters: a cluster that answers, kubectl, Helm.

use std::sync::Arc;
use std::time::Duration;

use gantry_driver::{Candidate, HostJobs, JobRequest, Offer, Standing, Surveyor};
use gantry_stack::modes::kubernetes::Tools;

use crate::cluster::{self, Choice, Cluster};
use crate::helm::tool::{Aim, Tool};
use crate::spec::choice_of;

/// How long kubectl may take to tell its version.
const QUICK: Duration = Duration::from_secs(20);

/// How much it may print.
const CAPTURE: u64 = 64 * 1024;

/// The clusters and the kubectl of these services, or those of everybody.
pub(crate) async fn of_clusters(surveyor: Surveyor<'_>) -> Vec<Offer> {
    let choices = choices(surveyor);
    let clusters = choices.iter().map(|choice| cluster(surveyor, choice));
    let mut offers = futures::future::join_all(clusters).await;
    for words in distinct(choices.iter().map(|choice| choice.tools.kubectl())) {
        offers.push(kubectl(surveyor, &words).await);
    }
    offers
}

/// The Helms of these services, or that of everybody.
pub(crate) async fn of_helm(surveyor: Surveyor<'_>) -> Vec<Offer> {
    let mut tools: Vec<Tools> = Vec::new();
    for choice in choices(surveyor) {
        if !tools
            .iter()
            .any(|known| known.helm() == choice.tools.helm())
        {
            tools.push(choice.tools);
        }
    }
    let mut offers = Vec::new();
    for tools in &tools {
        offers.push(helm(surveyor, tools).await);
    }
    offers
}

fn choices(surveyor: Surveyor<'_>) -> Vec<Choice> {
    let of_stack = surveyor.specs.iter().map(|spec| choice_of(spec));
    let mut all = distinct(of_stack);
    if all.is_empty() {
        let words = |name: &str, usual: &str| {
            let named = surveyor.environment.get(name).map(String::as_str);
            let words = named.unwrap_or_default().split_whitespace();
            let words: Vec<String> = words.map(str::to_owned).collect();
            if words.is_empty() {
                vec![usual.to_owned()]
            } else {
                words
            }
        };
        all.push(Choice {
            tools: Tools {
                helm: words("GANTRY_HELM", "helm"),
                kubectl: words("GANTRY_KUBECTL", "kubectl"),
                ..Tools::default()
            },
            ..Choice::default()
        });
    }
    all
}

fn distinct<T: PartialEq>(all: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut found = Vec::new();
    for one in all {
        if !found.contains(&one) {
            found.push(one);
        }
    }
    found
}

async fn cluster(surveyor: Surveyor<'_>, choice: &Choice) -> Offer {
    let environment = surveyor.environment;
    let connected = Cluster::connect(choice, environment, Some(surveyor.host)).await;
    let answer = match &connected {
        Ok(cluster) => cluster.version().await,
        Err(error) => Err(error.clone()),
    };
    let contexts = cluster::kubeconfig(choice, environment).map(|(config, _)| config);
    let current = choice.context.clone();
    let current = current.or_else(|| contexts.as_ref().ok()?.current_context.clone());
    let (standing, found) = match (&connected, &answer) {
        (Ok(cluster), Ok(version)) => {
            let context = cluster.aim.context.as_deref().unwrap_or("?");
            let found = format!(
                "{version} at {}, context {context}, namespace {}",
                cluster.url(),
                cluster.namespace
            );
            (Standing::Good, found)
        }
        (Ok(cluster), Err(error)) => {
            let (reason, url) = (&error.reason, cluster.url());
            let found = if reason.contains(&url) {
                reason.clone()
            } else {
                format!("{reason} ({url})")
            };
            (Standing::Missing, found)
        }
        (Err(error), _) => (Standing::Missing, error.reason.clone()),
    };
    let named = contexts.iter().flat_map(|config| &config.contexts);
    let candidates = named.map(|one| {
        let chosen = Some(&one.name) == current.as_ref();
        let cluster = one.context.as_ref().map(|it| it.cluster.clone());
        Candidate {
            name: one.name.clone(),
            chosen,
            found: format!("cluster {}", cluster.unwrap_or_default()),
        }
    });
    let candidates: Vec<Candidate> = candidates.collect();
    let hint = match (standing, &contexts) {
        (Standing::Missing, Err(_)) => {
            Some("name a configuration file in `kubernetes.kubeconfig` or KUBECONFIG")
        }
        (Standing::Missing, Ok(_)) => {
            Some("choose a cluster that answers with `kubernetes.context`")
        }
        _ => None,
    };
    Offer {
        part: "cluster".into(),
        choice: Some(choice.context.as_deref().unwrap_or("current").into()),
        standing,
        found,
        because: Some(match (&choice.context, &current) {
            (Some(context), _) => format!("the stack file names the context {context}"),
            (None, Some(context)) => format!("{context} is the current context"),
            (None, None) => "nothing names a context".to_owned(),
        }),
        candidates,
        hint: hint.map(str::to_owned),
    }
}

async fn kubectl(surveyor: Surveyor<'_>, words: &[String]) -> Offer {
    let said = version_of(surveyor.host, words).await;
    Offer {
        part: "kubectl".into(),
        choice: None,
        // Only kustomizations, and the credentials of a kubectl of one's own, need it.
        standing: match said {
            Ok(_) => Standing::Good,
            Err(_) => Standing::Partly,
        },
        hint: said.is_err().then(|| {
            "kustomizations need it: install it, or name it in `kubernetes.kubectl`".to_owned()
        }),
        found: said.unwrap_or_else(|reason| reason),
        because: Some(because(words, "kubectl", "GANTRY_KUBECTL", surveyor)),
        candidates: Vec::new(),
    }
}

async fn version_of(host: &Arc<dyn HostJobs>, words: &[String]) -> Result<String, String> {
    let asked = ["version", "--client"].map(str::to_owned);
    let command = [words, asked.as_slice()].concat();
    let name = format!("kubectl version of {}", words.join(" "));
    let job = JobRequest::host(name, command, QUICK, CAPTURE);
    let outcome = host.run(job).await;
    let shown = words.join(" ");
    let outcome = outcome.map_err(|error| format!("`{shown}` cannot be run: {}", error.reason))?;
    if let Some(wrong) = outcome.wrong(QUICK) {
        return Err(format!("`{shown} version` {wrong}"));
    }
    let line = outcome.stdout.lines().next().unwrap_or_default();
    Ok(line
        .trim_start_matches("Client Version: ")
        .trim()
        .to_owned())
}

async fn helm(surveyor: Surveyor<'_>, tools: &Tools) -> Offer {
    let found = Tool::find(surveyor.host, tools, &Aim::default()).await;
    let words = tools.helm();
    Offer {
        part: "command".into(),
        choice: None,
        standing: match found {
            Ok(_) => Standing::Good,
            Err(_) => Standing::Missing,
        },
        hint: found
            .is_err()
            .then(|| "install Helm, or name it in `kubernetes.helm` or GANTRY_HELM".to_owned()),
        found: match &found {
            Ok(tool) => format!("{} {}", words.join(" "), tool.said),
            Err(error) => error.reason.clone(),
        },
        because: Some(because(&words, "helm", "GANTRY_HELM", surveyor)),
        candidates: Vec::new(),
    }
}

fn because(words: &[String], usual: &str, variable: &str, from: Surveyor<'_>) -> String {
    let named = from.environment.get(variable).map(|name| name.trim());
    match named.filter(|name| !name.is_empty()) {
        Some(name) => format!("{variable} is `{name}`"),
        None if words == [usual] => format!("nothing names another ({variable} does not)"),
        None => "the stack file names it".to_owned(),
    }
}
