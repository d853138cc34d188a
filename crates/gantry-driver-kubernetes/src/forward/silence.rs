//! Whether the other end of a connection still answers. Without I/O.
//!
//! Something between here and a pod may swallow all that it is given and close nothing: then nobody is ever told. So
//! the other end is asked every second on the connection itself, in frames that the pod does not see.
//!
//! | what is seen | what it means | the fault that this prevents |
//! |---|---|---|
//! | anything arrives | it lives | |
//! | nothing for three seconds after it was asked, and hardly anything was sent before | it is dead | a client that waits for ever |
//! | the same, but much was sent before | nothing: its pod may be slow to read, and the question waits behind | an upload that is cut off because a debugger has stopped the pod |
//! | the same, and more was sent since than all buffers on the way hold | it is dead | an upload into nothing |
//! | the same, and no new connection can be opened either | it is dead | the same |
//! | what arrived before cannot be given to the client | nothing: the answer is behind that | a download that is cut off because its client pauses |
//! | nobody on this way has ever answered | only that no new connection can be opened counts | connections cut off because of who never answers |
//!
//! Who has not answered is asked again: the other end of streams hands questions and bytes to five workers in turn, and one of
//! them may wait for a pod that does not read. An answer to any question is one to those before.

use std::time::Duration;

use tokio::time::Instant;

/// How often the other end is asked.
pub(super) const ASK: Duration = Duration::from_secs(1);

/// For how long an answer may be missing.
pub(super) const SILENCE: Duration = Duration::from_secs(3);

/// What the buffers of a pod that reads now and then hold for certain.
const LITTLE: u64 = 64 * 1024;

/// More than all buffers on the way hold.
const LOTS: u64 = 64 * 1024 * 1024;

/// What was said and heard on a connection.
#[derive(Debug)]
pub(super) struct Talk {
    heard: Instant,
    /// Whether what arrived before was given away.
    listens: bool,
    sent: u64,
    /// How much had been sent before the last question that was answered.
    taken: u64,
    /// The oldest question without an answer.
    asked: Option<Question>,
    /// Of the last question.
    number: u64,
}

#[derive(Debug)]
struct Question {
    number: u64,
    at: Instant,
    /// How much had been sent before.
    sent: u64,
}

/// What is known of the way beside this connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beside {
    /// Whether somebody on this way has answered a question.
    pub(super) answers: bool,
    /// Whether no new connection can be opened.
    pub(super) blocked: bool,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is looked at again at this time.
    Wait(Instant),
    Dead,
}

impl Talk {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            heard: now,
            listens: true,
            sent: 0,
            taken: 0,
            asked: None,
            number: 0,
        }
    }

    pub(super) fn sent(&mut self, length: u64) {
        self.sent += length;
    }

    /// Something has arrived, and is given away before more is read.
    pub(super) fn heard(&mut self, now: Instant) {
        self.heard = now;
        self.listens = false;
    }

    /// More is read.
    pub(super) fn listens(&mut self, now: Instant) {
        self.heard = now;
        self.listens = true;
    }

    /// The next question.
    pub(super) fn ask(&mut self, now: Instant) -> u64 {
        self.number += 1;
        self.asked.get_or_insert(Question {
            number: self.number,
            at: now,
            sent: self.sent,
        });
        self.number
    }

    /// An answer; whether it is one to a question that had none.
    pub(super) fn answered(&mut self, answer: u64) -> bool {
        let last = self.number;
        let is_answer = |question: &mut Question| (question.number..=last).contains(&answer);
        let Some(question) = self.asked.take_if(is_answer) else {
            return false;
        };
        self.taken = question.sent;
        true
    }

    pub(super) fn verdict(&self, now: Instant, beside: Beside) -> Verdict {
        let Some(question) = &self.asked else {
            // It is asked soon, unless what is sent is not taken.
            let late = self.heard + ASK + SILENCE;
            return if self.listens && beside.blocked && late <= now {
                Verdict::Dead
            } else {
                Verdict::Wait(now + ASK)
            };
        };
        let late = self.heard.max(question.at) + SILENCE;
        if late > now {
            return Verdict::Wait(late);
        }
        let ahead = question.sent - self.taken;
        let behind = self.sent - question.sent;
        let is_lost = beside.answers && (ahead <= LITTLE || behind >= LOTS);
        if self.listens && (is_lost || beside.blocked) {
            Verdict::Dead
        } else {
            Verdict::Wait(now + SILENCE / 4)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WELL: Beside = Beside {
        answers: true,
        blocked: false,
    };
    const BLOCKED: Beside = Beside {
        answers: false,
        blocked: true,
    };

    fn at(begin: Instant, millis: u64) -> Instant {
        begin + Duration::from_millis(millis)
    }

    /// A connection on which this was sent before the first question, and that was asked after a second.
    fn asked(begin: Instant, sent: u64) -> Talk {
        let mut talk = Talk::new(begin);
        talk.sent(sent);
        assert_eq!(talk.ask(at(begin, 1_000)), 1);
        talk
    }

    #[test]
    fn a_question_without_an_answer_is_the_end_after_three_seconds() {
        let begin = Instant::now();
        let talk = asked(begin, 100);
        assert_eq!(
            talk.verdict(at(begin, 3_999), WELL),
            Verdict::Wait(at(begin, 4_000))
        );
        assert_eq!(talk.verdict(at(begin, 4_000), WELL), Verdict::Dead);
    }

    #[test]
    fn whatever_arrives_is_a_sign_of_life() {
        let begin = Instant::now();
        let mut talk = asked(begin, 0);
        talk.heard(at(begin, 3_500));
        talk.listens(at(begin, 3_500));
        let next = Verdict::Wait(at(begin, 6_500));
        assert_eq!(talk.verdict(at(begin, 4_000), WELL), next);
        assert!(!talk.answered(7), "another's answer");
        assert!(talk.answered(1));
        assert!(!talk.answered(1), "it was answered");
    }

    #[test]
    fn who_answers_a_later_question_lives() {
        let begin = Instant::now();
        let mut talk = asked(begin, 0);
        for second in 2..60 {
            let now = at(begin, second * 1_000);
            let number = talk.ask(now);
            assert_ne!(talk.verdict(now, WELL), Verdict::Dead);
            // Each fifth waits behind a pod that does not read.
            if number % 5 != 1 {
                talk.heard(now);
                assert!(talk.answered(number), "{number}");
                talk.listens(now);
            }
        }
    }

    #[test]
    fn a_pod_that_is_slow_to_read_is_waited_for() {
        let begin = Instant::now();
        let mut talk = asked(begin, LITTLE + 1);
        let late = at(begin, 60_000);
        assert_ne!(talk.verdict(late, WELL), Verdict::Dead);
        // Unless nothing else gets there either, or more was taken than can be on the way.
        assert_eq!(talk.verdict(late, BLOCKED), Verdict::Dead);
        talk.sent(LOTS);
        assert_eq!(talk.verdict(late, WELL), Verdict::Dead);
    }

    #[test]
    fn a_client_that_is_slow_to_read_is_waited_for() {
        let begin = Instant::now();
        let mut talk = asked(begin, 0);
        talk.heard(at(begin, 1_500));
        assert_ne!(talk.verdict(at(begin, 60_000), BLOCKED), Verdict::Dead);
        talk.listens(at(begin, 60_000));
        assert_ne!(talk.verdict(at(begin, 62_000), WELL), Verdict::Dead);
        assert_eq!(talk.verdict(at(begin, 63_000), WELL), Verdict::Dead);
    }

    #[test]
    fn who_never_answers_is_not_expected_to() {
        let begin = Instant::now();
        let talk = asked(begin, 0);
        let never = Beside {
            answers: false,
            ..WELL
        };
        assert_ne!(talk.verdict(at(begin, 60_000), never), Verdict::Dead);
        assert_eq!(talk.verdict(at(begin, 60_000), BLOCKED), Verdict::Dead);
    }
}
