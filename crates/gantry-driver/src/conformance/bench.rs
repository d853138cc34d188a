//! What a case works with.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use gantry_core::{Digest, EffectId, Generation, InstanceId, Revision, ServiceName, StopHow};

use super::{Case, Harness, JobRecipe, Recipe, Stop, fail, must, skip};
use crate::{
    Capabilities, Close, Discard, Driver, DriverEvent, EventSink, EventStream, Observed,
    ObservedState, Recorded, Session, Settings, StackIdentity, StartRequest, StopRequest, Terminal,
};

/// How long to listen for what should not come.
const QUIET: Duration = Duration::from_millis(60);

/// One case's stack, sessions and events.
pub(crate) struct Bench<'h> {
    pub(crate) harness: &'h dyn Harness,
    pub(crate) driver: Arc<dyn Driver>,
    stack: String,
    session: Option<Arc<dyn Session>>,
    stream: Option<EventStream>,
    /// Everything that was heard, of all sessions.
    pub(crate) heard: Vec<DriverEvent>,
    /// What was asked of the present session.
    asked: Vec<EffectId>,
    last_effect: u64,
}

impl<'h> Bench<'h> {
    pub(crate) fn new(harness: &'h dyn Harness, case: &str) -> Self {
        Self {
            harness,
            driver: harness.driver(),
            stack: case.replace('_', "-"),
            session: None,
            stream: None,
            heard: Vec::new(),
            asked: Vec::new(),
            last_effect: 0,
        }
    }

    pub(crate) fn can(&self) -> &Capabilities {
        self.driver.capabilities()
    }

    /// Which stack the case's is.
    pub(crate) async fn identity(&self) -> StackIdentity {
        self.harness.context(&self.stack).await.stack
    }

    pub(crate) fn stack(&self) -> &str {
        &self.stack
    }

    /// A specification that does this, with default settings.
    pub(crate) fn recipe(&self, recipe: &Recipe) -> Result<Recorded, Stop> {
        self.recipe_with(recipe, self.harness.settings())
    }

    pub(crate) fn recipe_with(
        &self,
        recipe: &Recipe,
        settings: Settings,
    ) -> Result<Recorded, Stop> {
        match self.harness.recipe(recipe) {
            Some(spec) => Ok(Recorded {
                revision: Revision(1),
                digest: Digest::default(),
                spec: Arc::new(spec),
                settings: Arc::new(settings),
            }),
            None => skip(format!("no recipe for {recipe:?}")),
        }
    }

    pub(crate) fn job(&self, recipe: &JobRecipe) -> Result<Vec<String>, Stop> {
        if !self.can().jobs {
            return skip("the mode runs no jobs");
        }
        match self.harness.job(recipe) {
            Some(command) => Ok(command),
            None => skip(format!("no recipe for {recipe:?}")),
        }
    }

    /// The session, opened when first asked for.
    pub(crate) async fn session(&mut self) -> Result<Arc<dyn Session>, Stop> {
        if let Some(session) = &self.session {
            return Ok(Arc::clone(session));
        }
        let recipe = self.recipe(&Recipe::RunsForever)?;
        let target = self.driver.target(&recipe.spec);
        let target = target.map_err(|error| Stop::Fail(error.to_string()))?;
        let context = self.harness.context(&self.stack).await;
        let (sink, stream) = EventSink::channel();
        let session = self.driver.open(context, target, sink).await?;
        self.session = Some(Arc::clone(&session));
        self.stream = Some(stream);
        Ok(session)
    }

    /// Drops the session, as the death of a supervisor does. What it was asked and has not ended is
    /// not owed any more.
    pub(crate) fn leave(&mut self) {
        self.drain();
        self.session = None;
        self.stream = None;
        self.asked.clear();
    }

    fn effect(&mut self) -> EffectId {
        self.last_effect += 1;
        let effect = EffectId(self.last_effect);
        self.asked.push(effect);
        effect
    }

    /// Asks for a start.
    pub(crate) async fn start(
        &mut self,
        instance: &InstanceId,
        generation: u32,
        from: &Recorded,
    ) -> Result<EffectId, Stop> {
        let session = self.session().await?;
        let request = self.start_request(instance, generation, from);
        let effect = request.effect;
        session.start(vec![request]);
        Ok(effect)
    }

    pub(crate) fn start_request(
        &mut self,
        instance: &InstanceId,
        generation: u32,
        from: &Recorded,
    ) -> StartRequest {
        StartRequest {
            effect: self.effect(),
            instance: instance.clone(),
            generation: Generation(generation),
            from: from.clone(),
            recreate: false,
            make: crate::Make::default(),
        }
    }

    /// Asks for a start, and waits until it has succeeded.
    pub(crate) async fn up(
        &mut self,
        instance: &InstanceId,
        generation: u32,
        from: &Recorded,
    ) -> Result<DriverEvent, Stop> {
        let effect = self.start(instance, generation, from).await?;
        let (event, terminal) = self.end_of(effect).await?;
        must(
            terminal == Terminal::Done,
            format!("the start of {instance} ended as {event:?}"),
        )?;
        Ok(event)
    }

    /// Asks for a stop.
    pub(crate) async fn stop(
        &mut self,
        instance: &InstanceId,
        generation: u32,
        how: StopHow,
        from: Option<&Recorded>,
    ) -> Result<EffectId, Stop> {
        let session = self.session().await?;
        let effect = self.effect();
        session.stop(vec![StopRequest {
            effect,
            instance: instance.clone(),
            generation: Generation(generation),
            how,
            from: from.cloned(),
        }]);
        Ok(effect)
    }

    /// Asks for a stop, and waits until it has succeeded.
    pub(crate) async fn down(
        &mut self,
        instance: &InstanceId,
        generation: u32,
        from: &Recorded,
    ) -> Case {
        let how = StopHow::Graceful;
        let effect = self.stop(instance, generation, how, Some(from)).await?;
        let (event, terminal) = self.end_of(effect).await?;
        must(
            terminal == Terminal::Done,
            format!("the stop of {instance} ended as {event:?}"),
        )
    }

    pub(crate) fn owe(&mut self) -> EffectId {
        self.effect()
    }

    /// Waits for the event that ends this effect.
    pub(crate) async fn end_of(
        &mut self,
        effect: EffectId,
    ) -> Result<(DriverEvent, Terminal), Stop> {
        let what = format!("the end of effect {effect}");
        let ends = |event: &DriverEvent| match event.ends() {
            Some((of, terminal)) if of == effect => Some((event.clone(), terminal)),
            _ => None,
        };
        self.wait_for(&what, ends).await
    }

    /// Waits for an event, or finds it among those that were heard.
    pub(crate) async fn wait_for<T>(
        &mut self,
        what: &str,
        is: impl Fn(&DriverEvent) -> Option<T>,
    ) -> Result<T, Stop> {
        if let Some(found) = self.heard.iter().find_map(&is) {
            return Ok(found);
        }
        let patience = self.harness.patience();
        let Some(stream) = &mut self.stream else {
            return fail("there is no session to hear from");
        };
        let heard = &mut self.heard;
        let wait = async {
            while let Some(event) = stream.next().await {
                let found = is(&event);
                heard.push(event);
                if found.is_some() {
                    return found;
                }
            }
            None
        };
        match tokio::time::timeout(patience, wait).await {
            Ok(Some(found)) => Ok(found),
            Ok(None) => fail(format!("the events ended before {what}")),
            Err(_) => {
                let heard = &self.heard;
                fail(format!(
                    "{what} did not come in {patience:?}; heard: {heard:?}"
                ))
            }
        }
    }

    /// Listens for a while, for what should not come.
    pub(crate) async fn listen(&mut self) {
        tokio::time::sleep(QUIET).await;
        self.drain();
    }

    fn drain(&mut self) {
        if let Some(stream) = &mut self.stream {
            while let Ok(event) = stream.try_recv() {
                self.heard.push(event);
            }
        }
    }

    pub(crate) async fn observe(&mut self) -> Result<Vec<Observed>, Stop> {
        let session = self.session().await?;
        Ok(session.observe().await?)
    }

    /// The one thing of this instance that is observed.
    pub(crate) async fn seen(&mut self, instance: &InstanceId) -> Result<Option<Observed>, Stop> {
        let mut seen = self.observe().await?;
        seen.retain(|one| one.instance == *instance);
        must(
            seen.len() < 2,
            format!("{instance} is observed {} times", seen.len()),
        )?;
        Ok(seen.pop())
    }

    /// The pid and generation with which it runs.
    pub(crate) async fn running(
        &mut self,
        instance: &InstanceId,
    ) -> Result<(Option<u32>, Generation), Stop> {
        match self.seen(instance).await? {
            Some(Observed {
                state: ObservedState::Running { pid, .. },
                generation,
                ..
            }) => Ok((pid, generation)),
            other => fail(format!("{instance} should run, and is {other:?}")),
        }
    }

    /// Fails if it runs.
    pub(crate) async fn not_running(&mut self, instance: &InstanceId) -> Case {
        match self.seen(instance).await? {
            Some(Observed {
                state: state @ (ObservedState::Running { .. } | ObservedState::Stopping { .. }),
                ..
            }) => fail(format!("{instance} should not run, and is {state:?}")),
            _ => Ok(()),
        }
    }

    /// Kills what is left, and checks that every effect ended exactly once.
    pub(crate) async fn finish(mut self) -> Case {
        if self.session.is_none() {
            return Ok(());
        }
        for one in self.observe().await? {
            let (instance, generation) = (one.instance, one.generation.0);
            let effect = self
                .stop(&instance, generation, StopHow::Kill, None)
                .await?;
            self.end_of(effect).await?;
        }
        self.listen().await;
        for effect in &self.asked {
            let ends: Vec<_> = self
                .heard
                .iter()
                .filter(|event| event.ends().is_some_and(|(of, _)| of == *effect))
                .collect();
            must(
                ends.len() == 1,
                format!("effect {effect} ended {} times: {ends:?}", ends.len()),
            )?;
        }
        Ok(self
            .session()
            .await?
            .close(Close::Down(Discard::default()))
            .await?)
    }
}

/// The instance that most cases use.
pub(crate) fn instance() -> InstanceId {
    numbered("one", 0)
}

/// An instance in this slot.
pub(crate) fn numbered(service: &str, slot: u16) -> InstanceId {
    InstanceId::new(
        ServiceName::new(service).expect("the suite's names are service names"),
        slot,
    )
}
