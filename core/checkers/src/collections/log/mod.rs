//! Append-only logs, as Kafka keeps them: every key is a log, a send appends a message, a poll reads on.
//!
//! What is said about a log is taken from acknowledged sends that tell the offset, and from polls that returned. A
//! message whose send has an unknown outcome counts only once somebody polled it, and is never missed.
//!
//! | found | meaning |
//! | --- | --- |
//! | `lost` | acknowledged, polled by nobody, although a later offset of its log was polled |
//! | `duplicate` | one message at two offsets |
//! | `inconsistent-offset` | two messages at one offset |
//! | `reordered` | acknowledged before another was sent, but behind it in the log |
//! | `nonmonotonic-send` | the same by one process; `int-nonmonotonic-send` within one operation |
//! | `nonmonotonic-poll`, `poll-skip` | a process polls on at an earlier offset, or beyond a message it never saw |
//! | `precommitted-read` | a transaction polled what it sent itself, which nobody may see before it is committed |
//! | `aborted-read`, `thin-air` | polled, though its send failed, or came later or never |
//!
//! Messages are told apart by their value, so each is sent to a key once.
mod entry;
mod messages;
mod order;
mod positions;

use super::judge;
use super::object::{whole, Outcome};
use super::report::Report;
use crate::events::{Events, Malformed};
use messages::Messages;

/// `caught_up` says that the history ends with polls that read everything: then what nobody polled is lost.
pub fn check_log(events: &impl Events, caught_up: bool) -> Result<Report, Malformed> {
    whole(events, |object| {
        let mut report = Report::default();
        let messages = Messages::read(object, &mut report)?;
        messages.find_lost(&mut report, caught_up);
        order::find_reordered(&messages, &mut report);
        positions::follow(&messages, &mut report)?;
        judge::log(object, &mut report, caught_up);
        let acknowledged = messages.all.iter().filter(|message| message.outcome == Some(Outcome::Ok)).count();
        report.count("acknowledged", acknowledged);
        if acknowledged == 0 {
            report.unproven("no send was acknowledged");
        } else if report.counts.contains(&("polled", 0)) {
            report.unproven("nothing was polled");
        }
        Ok(report)
    })
}
