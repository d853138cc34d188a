//! Further pairs of guard and keeper: started when asked for, each on its own, ended before the first.

use gantry_keeper::client::Client;
use gantry_keeper::layout::{FIRST_PAIR, LAST_PAIR};
use gantry_keeper::protocol::{EventBody, Exit, Refusal, Reply, Request, Role, Voice};

use crate::support::{
    Stack, Trees, alive, command, connect, eventually, instance, kill, refused, spawn,
};

const SECOND: u32 = FIRST_PAIR + 1;

impl Stack {
    /// From now on speak with the second pair, which is asked for.
    fn turn_to_second(&mut self) {
        let number = SECOND;
        let mut observer = Client::open(self.dir(), Role::Observer, 0).unwrap();
        let asked = observer.ask(Request::Pair { number });
        assert_eq!(asked.unwrap(), Reply::Done);
        self.client = connect(&self.layout().of_pair(SECOND).place());
    }

    fn guard_and_keeper(&self) -> (u32, u32) {
        let welcome = self.client.welcome();
        (welcome.guard_pid.unwrap(), welcome.keeper_pid)
    }

    /// Wait until the second pair is made of others than these.
    fn wait_for_others(&mut self, (guard, keeper): (u32, u32)) {
        let place = self.layout().of_pair(SECOND).place();
        eventually("another pair", || {
            let Ok(client) = Client::open(&place, Role::Supervisor, 0) else {
                return false;
            };
            self.client = client;
            let now = self.guard_and_keeper();
            now.0 != guard && now.1 != keeper
        });
    }

    fn shut_down(&mut self) {
        self.client.ask(Request::Shutdown).unwrap();
    }
}

#[test]
fn a_pair_is_started_once_and_is_on_its_own() {
    let mut stack = Stack::new();
    stack.spawn("a.1", 1, &["sleep", "1000"]);
    let first = stack.guard_and_keeper();
    stack.turn_to_second();
    let second = stack.guard_and_keeper();
    stack.turn_to_second();
    stack.turn_to_second();
    assert_eq!(stack.guard_and_keeper(), second, "asked for again");
    assert!(stack.list().instances.is_empty());
    stack.shell("b.1", 1, "echo hello; exit 3");
    assert_eq!(stack.exited("b.1"), Exit::Code(3));
    assert_eq!(stack.lines("b.1"), ["hello"]);
    let sequence = stack.list().sequence;
    stack.reconnect();
    assert_eq!(stack.guard_and_keeper(), first);
    let names = stack.list().instances.into_iter();
    let names: Vec<_> = names.map(|state| state.instance.to_string()).collect();
    assert_eq!(names, ["a.1"]);
    assert!(sequence > 0 && stack.layout().further_pairs() == [SECOND]);
    for number in [0, FIRST_PAIR, LAST_PAIR + 1] {
        let refusal = refused(stack.client.ask(Request::Pair { number }));
        assert!(matches!(refusal, Refusal::Failed { .. }), "{refusal:?}");
    }
    stack.turn_to_second();
    let number = LAST_PAIR;
    let refusal = refused(stack.client.ask(Request::Pair { number }));
    assert!(matches!(refusal, Refusal::Failed { .. }), "{refusal:?}");
}

#[test]
fn a_pair_hears_the_messages_of_its_own_services() {
    let mut stack = Stack::new();
    let says = |name: &str| {
        let mut command = command(&[env!("CARGO_BIN_EXE_keeper-fixture"), "say", "READY=1"]);
        command.voice = Voice {
            notify: true,
            ..Voice::default()
        };
        spawn(name, 1, command)
    };
    let heard = |stack: &mut Stack, name: &str| {
        stack.client.ask(says(name)).unwrap();
        stack.until(|body| match body {
            EventBody::Said {
                instance: of, said, ..
            } => Some(*of == instance(name) && said.ready),
            _ => None,
        })
    };
    assert!(heard(&mut stack, "a.1"));
    stack.turn_to_second();
    assert!(heard(&mut stack, "b.1"));
    assert_eq!(stack.list().foreign_messages, 0);
}

#[test]
fn whoever_of_a_pair_is_killed_nothing_is_lost() {
    let mut stack = Stack::new();
    let (first_guard, first_keeper) = stack.guard_and_keeper();
    stack.turn_to_second();
    let dir = stack.dir().to_owned();
    let go = |code: u32| std::fs::write(dir.join(format!("go{code}")), "").unwrap();
    for code in 1..=4 {
        let script = format!("while ! test -f {dir}/go{code}; do sleep 0.02; done; exit {code}");
        stack.shell(&format!("b.{code}"), 1, &script);
        stack.spawned(&format!("b.{code}"));
    }
    let (guard, keeper) = stack.guard_and_keeper();
    kill(keeper);
    stack.reconnect();
    stack.turn_to_second();
    go(1);
    assert_eq!(stack.exited("b.1"), Exit::Code(1));
    // Its keeper takes its place, and the first pair notices nothing.
    let (_, keeper) = stack.guard_and_keeper();
    kill(guard);
    stack.wait_for_others((guard, keeper));
    assert_eq!(stack.guard_and_keeper().0, keeper);
    assert!(
        stack
            .list()
            .instances
            .iter()
            .all(|it| it.unguarded || it.ended_us.is_some())
    );
    go(2);
    let unknown = stack.exited("b.2");
    assert!(matches!(&unknown, Exit::Unknown { .. }), "{unknown:?}");
    // The first pair is replaced, and the second goes on.
    let second = stack.guard_and_keeper();
    kill(first_guard);
    eventually("another first pair", || {
        stack.reconnect();
        stack.guard_and_keeper().0 == first_keeper && stack.guard_and_keeper().1 != first_keeper
    });
    stack.turn_to_second();
    assert_eq!(stack.guard_and_keeper(), second);
    // Both at once, the keeper being held: it is asked for again, and takes over what lives.
    let process = gantry_sys::stat(second.1).unwrap().process();
    gantry_sys::send(process, 19).unwrap();
    kill(second.0);
    kill(second.1);
    eventually("both are gone", || !alive(second.0) && !alive(second.1));
    stack.turn_to_second();
    assert_ne!(stack.guard_and_keeper(), second);
    let adopted: Vec<_> = stack
        .list()
        .instances
        .into_iter()
        .filter(|it| it.adopted)
        .collect();
    assert_eq!(adopted.len(), 2, "{adopted:?}");
    for code in [3, 4] {
        go(code);
        let exit = stack.exited(&format!("b.{code}"));
        assert!(matches!(exit, Exit::Unknown { .. }), "{exit:?}");
    }
    stack.shell("b.5", 1, "exit 5");
    assert_eq!(stack.exited("b.5"), Exit::Code(5));
}

#[test]
fn further_pairs_end_before_the_first() {
    let mut stack = Stack::new();
    stack.turn_to_second();
    stack.spawn("b.1", 1, &["sleep", "1000"]);
    let (guard, keeper) = stack.guard_and_keeper();
    // The supervisor says that all is down: that is not so.
    std::fs::write(stack.dir().join("end"), "").unwrap();
    eventually("the supervisor was not believed", || {
        std::fs::read_to_string(stack.dir().join("guard.log"))
            .is_ok_and(|log| log.contains("pair 2 goes on: 1 instances"))
    });
    assert!(alive(guard) && alive(keeper) && alive(stack.guard_pid()));
    stack.turn_to_second();
    stack.stop("b.1", 1, 1000);
    stack.stopped("b.1");
    assert!(stack.wait_for_guard());
    eventually("all is gone", || stack.processes().is_empty());
    assert!(stack.layout().further_pairs().is_empty() && !stack.layout().socket().exists());
}

#[test]
fn a_pair_that_was_told_to_end_can_be_asked_for_again() {
    let mut stack = Stack::new();
    stack.turn_to_second();
    let (guard, keeper) = stack.guard_and_keeper();
    stack.shell("b.1", 1, "exit 1");
    stack.exited("b.1");
    stack.shut_down();
    eventually("it is gone", || !alive(guard) && !alive(keeper));
    assert!(stack.layout().further_pairs().is_empty());
    stack.turn_to_second();
    assert!(stack.list().instances.is_empty());
    stack.shell("b.1", 1, "exit 2");
    assert_eq!(stack.exited("b.1"), Exit::Code(2));
}

#[test]
fn what_a_lost_pair_has_left_is_no_stray_of_the_first() {
    let mut stack = Stack::with(Trees::Lineage);
    stack.spawn("a.1", 1, &["sleep", "1000"]);
    stack.turn_to_second();
    // Nothing in its environment tells whose it is.
    stack.shell("b.1", 1, "exec env -i sleep 1000");
    let bare = stack.spawned("b.1");
    eventually("it has no environment", || {
        std::fs::read(format!("/proc/{bare}/environ")).is_ok_and(|all| all.is_empty())
    });
    let (guard, keeper) = stack.guard_and_keeper();
    let process = gantry_sys::stat(keeper).unwrap().process();
    gantry_sys::send(process, 19).unwrap();
    kill(guard);
    kill(keeper);
    eventually("both are gone", || !alive(guard) && !alive(keeper));
    eventually("it is left to the first guard", || {
        gantry_sys::stat(bare).is_some_and(|stat| stat.parent == stack.guard_pid())
    });
    stack.reconnect();
    stack.stop("a.1", 1, 1000);
    stack.stopped("a.1");
    assert!(alive(bare));
    stack.turn_to_second();
    stack.stop("b.1", 1, 1000);
    stack.stopped("b.1");
    assert!(!alive(bare));
}

#[test]
fn a_pair_that_is_asked_for_too_late_ends_with_the_first() {
    let mut stack = Stack::new();
    std::fs::write(stack.dir().join("end"), "").unwrap();
    let number = SECOND;
    let asked = [Request::Pair { number }, Request::Shutdown];
    stack.client.tell(asked).unwrap();
    assert!(stack.wait_for_guard());
    eventually("all is gone", || stack.processes().is_empty());
    assert!(stack.layout().further_pairs().is_empty());
}
