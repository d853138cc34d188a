//! The state of a large stack in few words.

use std::borrow::Cow;

use camino::Utf8Path;
use serde::{Deserialize, Serialize};

use crate::state::State;
use crate::status::{ChildStatus, Endpoint, ServiceStatus, Status, Supervisor};

/// A [`Status`](crate::Status) without what a list of services does not show, and without what says nothing:
/// the answer to `GET /v1/status?brief=true`, a fifth of the whole. It can be read as a `Status` too; what is
/// not there is as its type's default.
///
/// `S` is the list of [`BriefService`]: whoever writes it need not have all of them at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are those of `Status`")]
pub struct BriefStatus<'a, S = Vec<BriefService<'a>>> {
    pub version: u32,
    #[serde(borrow)]
    pub stack: Cow<'a, str>,
    pub file: Cow<'a, Utf8Path>,
    pub supervisor: Option<Cow<'a, Supervisor>>,
    #[serde(default, skip_serializing_if = "<[String]>::is_empty")]
    pub strays: Cow<'a, [String]>,
    pub services: S,
}

/// One service.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the fields are those of `ServiceStatus`")]
pub struct BriefService<'a> {
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    #[serde(skip_serializing_if = "is_default")]
    pub job: bool,
    pub state: State,
    #[serde(skip_serializing_if = "is_default")]
    pub ready: bool,
    pub instances: Vec<BriefInstance<'a>>,
    #[serde(skip_serializing_if = "is_default")]
    pub restarts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uptime_s: Option<f64>,
    #[serde(skip_serializing_if = "<[Endpoint]>::is_empty")]
    pub endpoints: Cow<'a, [Endpoint]>,
    #[serde(borrow, skip_serializing_if = "str::is_empty")]
    pub message: Cow<'a, str>,
    #[serde(skip_serializing_if = "<[ChildStatus]>::is_empty")]
    pub children: Cow<'a, [ChildStatus]>,
}

/// One instance of a service.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the fields are those of `InstanceStatus`")]
pub struct BriefInstance<'a> {
    #[serde(skip_serializing_if = "is_default")]
    pub ready: bool,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub warnings: Cow<'a, [String]>,
}

impl<'a> From<&'a Status> for BriefStatus<'a> {
    fn from(status: &'a Status) -> Self {
        Self {
            version: status.version,
            stack: Cow::Borrowed(&status.stack),
            file: Cow::Borrowed(&status.file),
            supervisor: status.supervisor.as_ref().map(Cow::Borrowed),
            strays: Cow::Borrowed(&status.strays),
            services: status.services.iter().map(Into::into).collect(),
        }
    }
}

impl<'a> From<&'a ServiceStatus> for BriefService<'a> {
    fn from(service: &'a ServiceStatus) -> Self {
        let instances = service.instances.iter().map(|instance| BriefInstance {
            ready: instance.ready,
            warnings: Cow::Borrowed(&instance.warnings),
        });
        Self {
            name: Cow::Borrowed(&service.name),
            job: service.job,
            state: service.state,
            ready: service.ready,
            instances: instances.collect(),
            restarts: service.restarts,
            uptime_s: service.uptime_s,
            endpoints: Cow::Borrowed(&service.endpoints),
            message: Cow::Borrowed(&service.message),
            children: Cow::Borrowed(&service.children),
        }
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::{BriefInstance, BriefService, BriefStatus};
    use crate::{InstanceStatus, ServiceStatus, State, Status};

    #[test]
    fn it_is_read_as_the_whole() {
        let brief = BriefStatus {
            version: 1,
            stack: "shop".into(),
            file: Cow::Borrowed("/srv/gantry.toml".into()),
            supervisor: None,
            strays: Cow::default(),
            services: vec![BriefService {
                name: "api".into(),
                job: false,
                state: State::Running,
                ready: true,
                instances: vec![BriefInstance {
                    ready: true,
                    warnings: Cow::default(),
                }],
                restarts: 0,
                uptime_s: Some(1.5),
                endpoints: Cow::default(),
                message: "".into(),
                children: Cow::default(),
            }],
        };
        let text = serde_json::to_string(&brief).expect("JSON");
        assert_eq!(
            text,
            r#"{"version":1,"stack":"shop","file":"/srv/gantry.toml","supervisor":null,"services":[{"name":"api","state":"running","ready":true,"instances":[{"ready":true}],"uptime_s":1.5}]}"#
        );
        let whole: Status = serde_json::from_str(&text).expect("a status");
        let expected = ServiceStatus {
            name: "api".into(),
            state: State::Running,
            ready: true,
            instances: vec![InstanceStatus {
                ready: true,
                ..InstanceStatus::default()
            }],
            uptime_s: Some(1.5),
            ..ServiceStatus::default()
        };
        assert_eq!(whole.services, [expected]);
        assert_eq!(BriefStatus::from(&whole), brief);
        let again: BriefStatus<'_> = serde_json::from_str(&text).expect("a brief status");
        assert_eq!(again, brief);
        assert!(matches!(again.services[0].name, Cow::Borrowed("api")));
    }
}
