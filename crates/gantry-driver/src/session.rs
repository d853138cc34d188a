//! The live half of a driver.

use futures::future::BoxFuture;
use gantry_core::{EffectId, Failure, Generation, InstanceId, ServiceName};
use smol_str::SmolStr;

use crate::{
    Attach, Dial, DriverError, Exec, History, JobOutcome, JobRequest, LogRequest, LogStream, Make,
    Observed, Preview, Recorded, Render, RenderedFile, StartRequest, StopRequest, UpdateRequest,
    Usage,
};

/// An open connection to one backend. It owns the one event stream of that backend; dropping it
/// changes nothing there.
///
/// `start`, `stop`, `update` and `cancel` return at once; what comes of them comes as events.
pub trait Session: Send + Sync {
    /// Everything of this stack in this backend, in one call.
    fn observe(&self) -> BoxFuture<'_, Result<Vec<Observed>, DriverError>>;

    /// Start these, all at the same moment.
    fn start(&self, batch: Vec<StartRequest>);

    /// Stop these, all at the same moment.
    fn stop(&self, batch: Vec<StopRequest>);

    /// Change these as they run. A mode that cannot (see
    /// [`Capabilities::update_in_place`](crate::Capabilities::update_in_place)) answers
    /// `UpdateFailed`.
    fn update(&self, batch: Vec<UpdateRequest>);

    /// What this instance was changed to has not become ready in time. A backend that can, and was told to, takes the change
    /// back.
    fn out_of_time(&self, instance: &InstanceId, generation: Generation) {
        let _ = (instance, generation);
    }

    /// Give this effect up if that is still possible; it ends in its one terminal event either way.
    fn cancel(&self, effect: EffectId);

    /// The output of an instance, also of one that is over.
    fn logs(&self, request: LogRequest) -> LogStream;

    /// Run a short command and wait for its end. Dropping the future cancels it.
    fn job(&self, job: JobRequest) -> BoxFuture<'_, Result<JobOutcome, DriverError>>;

    /// Ask a job that runs [`once`](JobRequest::once) to end before its time. Whoever waits for it is told how it ended.
    fn give_up_job(&self, name: &str) {
        let _ = name;
    }

    /// What came of a job that runs [`once`](JobRequest::once) was noted: its end need not be kept
    /// any longer.
    fn job_taken(&self, name: &str) {
        let _ = name;
    }

    /// Which of these, which run, would be made from something else if they were started now, or were changed by
    /// others, though their specifications are the same; each with what differs, as a user would name it. With
    /// [`Make::Afresh`] it is made anew first. Asked only where [`Capabilities::makes`](crate::Capabilities::makes) or
    /// [`Capabilities::drifts`](crate::Capabilities::drifts) says so. A backend that is away has nothing to tell.
    fn outdated(
        &self,
        running: Vec<(InstanceId, Recorded)>,
        make: Make,
    ) -> BoxFuture<'_, Outdated> {
        let (_, _) = (running, make);
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    /// Send a signal to the first process of an instance, once. A mode that cannot refuses.
    fn signal<'a>(
        &'a self,
        instance: &'a InstanceId,
        generation: Generation,
        number: i32,
    ) -> BoxFuture<'a, Result<(), DriverError>> {
        let _ = (instance, generation, number);
        let refused = DriverError::permanent("signal", "its mode cannot send signals");
        Box::pin(std::future::ready(Err(refused)))
    }

    /// What all instances that run have used, in one call. Asked only when somebody wants to see it.
    fn usage(&self) -> BoxFuture<'_, Result<Vec<(InstanceId, Usage)>, DriverError>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    /// What instances that run tell their users, as whoever made what they are made of wrote it. Asked only when somebody
    /// wants to see it.
    fn notes(&self) -> BoxFuture<'_, Result<Vec<(InstanceId, Notes)>, DriverError>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    /// What the backend knows of instances that are there, as files for one who looks afterwards: nothing secret is in
    /// them. Asked only when somebody wants to keep it.
    fn evidence(&self) -> BoxFuture<'_, Result<Vec<(InstanceId, RenderedFile)>, DriverError>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    /// Forget what is kept about these. Nothing of them runs; their output stays.
    fn forget(&self, instances: Vec<(InstanceId, Generation)>) {
        let _ = instances;
    }

    /// Nothing of this service is to run for now: what is kept open for its next start is closed.
    fn release(&self, service: &ServiceName) {
        let _ = service;
    }

    /// The session is not used any more. Also removes what belongs to the stack as a whole, if the
    /// stack is down.
    fn close(&self, how: Close) -> BoxFuture<'_, Result<(), DriverError>> {
        let _ = how;
        Box::pin(std::future::ready(Ok(())))
    }

    /// Commands in instances, if the backend can.
    fn as_exec(&self) -> Option<&dyn Exec> {
        None
    }

    /// Joining instances, if the backend can.
    fn as_attach(&self) -> Option<&dyn Attach> {
        None
    }

    /// Connections through the backend, if it can.
    fn as_dial(&self) -> Option<&dyn Dial> {
        None
    }

    /// Generated files, if there are any.
    fn as_render(&self) -> Option<&dyn Render> {
        None
    }

    /// Revisions that instances have had, if the backend keeps them.
    fn as_history(&self) -> Option<&dyn History> {
        None
    }

    /// Changes against what the backend has now, if it can tell.
    fn as_preview(&self) -> Option<&dyn Preview> {
        None
    }
}

/// Instances that would be made from something else, each with what differs; or one of which that cannot be made.
pub type Outdated = Result<Vec<(InstanceId, SmolStr)>, (InstanceId, Failure)>;

/// What an instance tells its users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notes {
    /// What the instance is made of, with its version.
    pub of: String,
    /// The text.
    pub text: String,
}

/// Why a session is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Close {
    /// The supervisor ends or is replaced; what runs stays.
    Leave,
    /// The stack is down: all that was made for it as a whole goes, and of what is kept beyond that this.
    Down(Discard),
}

/// What goes with a stack that is taken down, of what backends keep for it otherwise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Discard {
    /// Images that were built for it.
    pub images: bool,
    /// Its data.
    pub volumes: bool,
}

impl Discard {
    /// Everything.
    pub const ALL: Self = Self {
        images: true,
        volumes: true,
    };

    /// Whether anything goes.
    pub fn is_anything(self) -> bool {
        self.images || self.volumes
    }

    /// Takes in what somebody else wants to go.
    pub fn add(&mut self, other: Self) {
        self.images |= other.images;
        self.volumes |= other.volumes;
    }
}
