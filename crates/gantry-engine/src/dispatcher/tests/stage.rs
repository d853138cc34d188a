//! A dispatcher over the mock driver, and a client of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use camino::Utf8PathBuf;
use gantry_api::home::{GantryHome, StackDir};
use gantry_api::{
    AttachQuery, ErrorBody, OperationKind, OperationOptions, OperationRequest, Outcome,
    PlanRequest, Progress, ServiceStatus, Status, Supervisor,
};
use gantry_core::{InstanceId, Millis, ModeName, ServiceName};
use gantry_driver::mock::{MockDriver, MockSpec};
use gantry_driver::{Capabilities, Make, Owner, Power, SpecKey};
use gantry_stack::model::{DependsOn, MODEL_VERSION, Service, Stack};
use jiff::Timestamp;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::attach::{Purpose, Seat};
use crate::dispatcher::{Dispatcher, End, Parts};
use crate::event_log::EventLog;
use crate::identity::Identity;
use crate::inbox::{Incoming, Request};
use crate::journal::Journal;
use crate::port_book::PortBook;
use crate::ports::PortLedger;
use crate::saved;
use crate::sessions::{Drivers, Sessions};

/// What outlives a supervisor, and the one that runs.
pub(super) struct Stage {
    folder: tempfile::TempDir,
    pub(super) driver: MockDriver,
    outbox: UnboundedSender<Incoming>,
    pub(super) task: JoinHandle<End>,
}

/// A stack with these services, in mode `mock`, which are ready when the backend says so.
pub(super) fn stack(services: &[(&str, MockSpec, &[&str])]) -> Stack {
    let mut stack: Stack = serde_json::from_value(serde_json::json!({
        "version": MODEL_VERSION,
        "name": "shop",
        "file": "/shop/gantry.toml",
        "dir": "/",
    }))
    .expect("a stack without services");
    for (name, spec, needs) in services {
        let mut service = Service::default();
        service.run.mode = ModeName::new("mock");
        service.run.spec = spec.to_value();
        service.start_timeout = Millis::seconds(20);
        service.depends_on = needs
            .iter()
            .map(|on| DependsOn {
                service: ServiceName::new(on).expect("a name"),
                child: None,
                condition: gantry_core::Condition::Ready,
                implied: false,
                origin: None,
            })
            .collect();
        stack
            .services
            .insert(ServiceName::new(name).expect("a name"), service);
    }
    stack
}

/// Ready after so long.
pub(super) fn ready(after: u64) -> MockSpec {
    MockSpec {
        ready_after: Some(after),
        ..MockSpec::default()
    }
}

impl Stage {
    pub(super) async fn new() -> Self {
        let capabilities = Capabilities {
            readiness: Owner::Backend,
            makes: true,
            powers: vec![Power::Attach],
            ..Capabilities::all_ours()
        };
        let folder = tempfile::tempdir().expect("a folder");
        let driver = MockDriver::named("mock", capabilities);
        let (outbox, task) = supervise(&folder, &driver).await;
        Self {
            folder,
            driver,
            outbox,
            task,
        }
    }

    /// The supervisor is killed, and another one begins.
    pub(super) async fn replace(&mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
        (self.outbox, self.task) = supervise(&self.folder, &self.driver).await;
    }

    /// How many starts were written down, as they are before they are handed over.
    pub(super) fn noted(&self) -> usize {
        let starts = std::fs::read_to_string(dir(&self.folder).path().join("starts"));
        starts.map_or(0, |starts| starts.lines().count())
    }

    pub(super) fn has_plan(&self) -> bool {
        dir(&self.folder).plan().exists()
    }

    pub(super) async fn status(&self) -> Status {
        let (reply, answer) = oneshot::channel();
        let brief = false;
        self.send(Request::Status { brief, reply });
        serde_json::from_slice(&answer.await.expect("a status")).expect("JSON")
    }

    pub(super) async fn service(&self, name: &str) -> ServiceStatus {
        let status = self.status().await;
        let found = status.services.into_iter().find(|it| it.name == name);
        found.expect("the service")
    }

    pub(super) fn starts(&self, name: &str) -> u32 {
        let service = ServiceName::new(name).expect("a name");
        self.driver.starts(ID, &InstanceId::new(service, 0))
    }

    /// The first instance of a service would be made from something else by now.
    pub(super) fn outdate(&self, name: &str, what: &str) {
        let service = ServiceName::new(name).expect("a name");
        self.driver.outdate(ID, &InstanceId::new(service, 0), what);
    }

    /// How the first instance of a service was to be made when it was started last.
    pub(super) fn made(&self, name: &str) -> Option<Make> {
        let service = ServiceName::new(name).expect("a name");
        self.driver.made(ID, &InstanceId::new(service, 0))
    }

    pub(super) async fn plan(&self, stack: &Stack) -> Vec<String> {
        let (reply, answer) = oneshot::channel();
        let request = PlanRequest {
            version: gantry_api::VERSION,
            services: Vec::new(),
            model: request(OperationKind::Up, Some(stack), &[])
                .model
                .expect("a model"),
            given: gantry_api::GivenVariables::default(),
        };
        self.send(Request::Plan { request, reply });
        let plan = answer.await.expect("an answer").expect("a plan");
        let steps = plan.steps.into_iter();
        let lines = steps.map(|it| format!("{} {}: {}", it.action, it.service, it.reason));
        lines.collect()
    }

    /// A variable that the first instance of a service was started with.
    pub(super) fn env(&self, name: &str, variable: &str) -> String {
        let service = ServiceName::new(name).expect("a name");
        let settings = self.driver.settings(ID, &InstanceId::new(service, 0));
        settings.expect("it was started").env[variable].clone()
    }

    pub(super) async fn up(&self, stack: &Stack) -> Vec<Progress> {
        self.whole(request(OperationKind::Up, Some(stack), &[]))
            .await
    }

    pub(super) async fn whole(&self, request: OperationRequest) -> Vec<Progress> {
        let mut stream = self.operate(request).await.expect("it is taken on");
        let mut all = Vec::new();
        while let Some(progress) = stream.recv().await {
            let ended = matches!(progress, Progress::Ended { .. });
            all.push(progress);
            if ended {
                break;
            }
        }
        all
    }

    pub(super) async fn operate(
        &self,
        request: OperationRequest,
    ) -> Result<UnboundedReceiver<Progress>, ErrorBody> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Operate { request, reply });
        answer.await.expect("an answer")
    }

    pub(super) async fn explain(&self, service: &str) -> gantry_api::Explanation {
        let (reply, answer) = oneshot::channel();
        let service = service.to_owned();
        self.send(Request::Explain { service, reply });
        let draft = answer.await.expect("an answer");
        let draft = draft.unwrap_or_else(|error| panic!("{error}"));
        draft.finish().await
    }

    pub(super) async fn seat(
        &self,
        service: &str,
        instance: Option<u32>,
    ) -> Result<Seat, ErrorBody> {
        let (reply, answer) = oneshot::channel();
        let query = AttachQuery {
            instance,
            rows: Some(30),
            columns: Some(90),
            recent: true,
        };
        let service = service.to_owned();
        self.send(Request::Attach {
            service,
            instance,
            purpose: Purpose::Attach(query),
            reply,
        });
        answer.await.expect("an answer")
    }

    pub(super) fn interrupt(&self) {
        let sent = self.outbox.send(Incoming::Interrupted);
        assert!(sent.is_ok(), "the supervisor lives");
    }

    fn send(&self, request: Request) {
        let sent = self.outbox.send(Incoming::Request(request));
        assert!(sent.is_ok(), "the supervisor lives");
    }
}

pub(super) fn request(
    kind: OperationKind,
    stack: Option<&Stack>,
    services: &[&str],
) -> OperationRequest {
    let model = stack.map(|stack| serde_json::to_string(stack).expect("JSON"));
    OperationRequest {
        version: gantry_api::VERSION,
        kind,
        services: services.iter().map(ToString::to_string).collect(),
        model: model.map(|text| serde_json::value::RawValue::from_string(text).expect("JSON")),
        given: gantry_api::GivenVariables::default(),
        options: OperationOptions::default(),
    }
}

/// How it ended.
pub(super) fn outcome(progress: &[Progress]) -> &Outcome {
    match progress.last() {
        Some(Progress::Ended { outcome }) => outcome,
        other => panic!("it did not end: {other:?}"),
    }
}

/// The services in the order in which they got into a state.
pub(super) fn order(progress: &[Progress], state: gantry_api::State) -> Vec<String> {
    let entered = progress.iter().filter_map(|progress| match progress {
        Progress::Event { event } if event.to == Some(state) && event.from != event.to => {
            event.service.clone()
        }
        _ => None,
    });
    entered.collect()
}

/// What the mock knows the stack by.
const ID: &str = "shop-0";

fn dir(folder: &tempfile::TempDir) -> StackDir {
    let path = Utf8PathBuf::from_path_buf(folder.path().join("stacks").join(ID));
    StackDir::at(path.expect("UTF-8"))
}

async fn supervise(
    folder: &tempfile::TempDir,
    driver: &MockDriver,
) -> (UnboundedSender<Incoming>, JoinHandle<End>) {
    let dir = dir(folder);
    dir.create().expect("a folder");
    let home = GantryHome::at(Utf8PathBuf::from_path_buf(folder.path().into()).expect("UTF-8"));
    let (plan, _) = saved::read(&dir.plan());
    let identity = Identity {
        name: "shop".into(),
        file: "/shop/gantry.toml".into(),
        folder: "/".into(),
        key: plan
            .as_ref()
            .map_or(SpecKey::new([7; 32]), |plan| plan.key.clone()),
        foreground: plan.as_ref().is_some_and(|plan| plan.foreground),
        supervisor: Supervisor {
            pid: 1,
            version: "0".into(),
            since: Timestamp::UNIX_EPOCH,
        },
        dir: dir.clone(),
    };
    let (outbox, inbox) = mpsc::unbounded_channel();
    let mut dispatcher = Dispatcher::new(Parts {
        sessions: Sessions::new(
            Drivers::new(vec![Arc::new(driver.clone())]),
            identity.for_drivers(),
            Arc::new(BTreeMap::new()),
            None,
            outbox.clone(),
        ),
        ports: PortBook::new(PortLedger::new(home.ports(), dir.path())),
        events: EventLog::in_memory(),
        journal: Journal::open(&dir.path().join("starts")).0,
        give_back: || {},
        identity,
        inbox,
        outbox: outbox.clone(),
    });
    if let Some(plan) = plan {
        dispatcher.restore(plan).await;
    }
    let task = tokio::spawn(async move { dispatcher.run().await });
    (outbox, task)
}
